"""The training side: labelled folders in, a published version out."""
