"""The numbers of the front (`training.front`), whatever computes with them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

LUMA_SIGMA = 0.9
"""Pixels of the input. At 160 pixels' own limit, 0.36 cycles a pixel, 13 % of the contrast is left: no aliasing."""
CHROMA_SIGMA = 2.0
_REACH = 4.0  # standard deviations; what lies beyond weighs less than 0.0004

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, JPEG's own
TO_PLANES = np.stack([_LUMA, np.array([1.0, 0, 0]) - _LUMA, np.array([0, 0, 1.0]) - _LUMA])
"""RGB to Y, R - Y and B - Y."""
FROM_PLANES = np.linalg.inv(TO_PLANES)
"""And back."""


def inner_side(side: int) -> int:
    """Side in pixels of what the backbone sees of a picture with this side: 160 of 224."""
    return side * 5 // 7


@cache
def sampling_matrix(side: int, sigma: float) -> NDArray[np.float32]:
    """Weights of a picture line's pixels in each sample, float32[inner_side(side), side].

    Rows are Gaussians around the centres of evenly spaced samples and sum to 1; at the border what would lie outside
    is left out, so the border is not darkened.

    Args:
        side: Pixels of the line.
        sigma: Standard deviation in pixels.
    """
    samples = inner_side(side)
    centres = (np.arange(samples) + 0.5) * side / samples - 0.5
    away = (np.arange(side) - centres[:, None]) / sigma
    # A weight just at the end counts in every row, however the distance was rounded: rows repeat, and a runtime can
    # compute them as a convolution (`model_store.openvino_front`). In versions up to 5 it counts in some.
    weights = np.where(np.abs(away) <= _REACH + 1e-9, np.exp(-0.5 * away**2), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def sampling_matrices(side: int) -> NDArray[np.float32]:
    """Those of brightness and of the two planes of colour, float32[3, inner_side(side), side]."""
    return np.stack([sampling_matrix(side, sigma) for sigma in (LUMA_SIGMA, CHROMA_SIGMA, CHROMA_SIGMA)])
