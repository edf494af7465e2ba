"""The frame of a picture: what is left of it without the lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BORDER = 8
"""Pixels of 224 on each side."""

DARK = 40.0
"""Luma below which a corner belongs to a vignette: skin is brighter, also dark skin under a dermoscope's light."""

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601

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


def corner_luma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean luma of the four corners, each a fourteenth of the side: float64[4], 0 to 255.

    Args:
        pixels: uint8[side, side, 3].
    """
    size = max(1, len(pixels) // 14)
    both = (slice(None, size), slice(-size, None))
    return np.array(
        [pixels[rows, columns].astype(np.float64).mean(axis=(0, 1)) @ LUMA for rows in both for columns in both]
    )
