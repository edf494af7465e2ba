"""The frame of a picture: what is left of it without the lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BORDER = 8
"""Pixels of 224 on each side."""

_CORNERS = np.r_[:16, -16:0]


def frame_of(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pixels of all four sides, and those of the four corners.

    Args:
        pixels: uint8[224, 224, 3].

    Returns:
        float64[n, 3], in which the corners count twice, and float64[2, 16, 2, 16, 3], whose second and fourth axes run
        inside a corner of 16 x 16 pixels; both from 0 to 255.
    """
    image = pixels.astype(np.float64)
    sides = (image[:BORDER], image[-BORDER:], image[:, :BORDER], image[:, -BORDER:])
    border = np.concatenate([side.reshape(-1, 3) for side in sides])
    return border, image[np.ix_(_CORNERS, _CORNERS)].reshape(2, 16, 2, 16, 3)
