"""Pixels: from the bytes of an image file to the array that a model sees, and a renderer of synthetic lesions."""
