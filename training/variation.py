"""How far augmentation goes, whatever computes it: drawn evenly between two numbers, for each picture anew."""

ZOOM = (0.75, 1.15)
"""Of the picture's side that is seen."""
SHIFT = 0.06
"""Either way, of the side."""
ASPECT = 0.12
"""Stretch of one axis, either way."""
GAIN = 0.12
"""Of each colour channel, either way."""
BRIGHTNESS = 18.0
"""Grey values, either way."""
CONTRAST = (0.8, 1.25)
SATURATION = (0.7, 1.3)
SHARPNESS = (-0.6, 1.0)
"""Share of the way to a blurred picture, or away from it."""
VIGNETTE_SHARE = 0.5
"""Of the pictures, those that get a dark round border."""
COPY_BLUR = (-0.3, 1.2)
"""As `SHARPNESS`, of a degraded copy."""
COPY_QUALITY = (55, 96)
"""JPEG quality of a degraded copy; the last one is not drawn."""
