"""Pictures that are no dermoscopic photograph of a lesion: what the gate learns to turn away, and is measured on."""
