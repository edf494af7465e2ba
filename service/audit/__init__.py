"""The audit trail: who asked what about which image, when, and what came out; never pixels, names or file names."""
