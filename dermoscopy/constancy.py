"""Colour constancy: a picture as it would look in white light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dermoscopy.filters import FRAME_LUMA, LUMA

POWER = 6
"""Between 1, which takes the mean to be grey, and infinity, which takes the brightest to be white."""


def shades_of_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Takes the light's colour out (Finlayson 2004, "Shades of gray and colour constancy").

    The light is estimated as the Minkowski mean of the picture; a dark frame, which no light falls on, takes no part.

    Args:
        pixels: uint8[h, w, 3], RGB.

    Returns:
        uint8[h, w, 3]; a picture that is all dark is returned as it is.
    """
    lit = pixels[pixels @ LUMA >= FRAME_LUMA].astype(np.float64)
    if not len(lit):
        return pixels
    light = (lit**POWER).mean(axis=0) ** (1 / POWER)
    gain = light.mean() / np.maximum(light, 1.0)
    return np.asarray(np.rint(np.clip(pixels * gain, 0, 255)), np.uint8)
