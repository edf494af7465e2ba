"""What every network sees first: pixels in [-1, 1], with the detail taken out that re-encoding destroys.

A picture archive keeps colour at half the resolution or less (JPEG's chroma subsampling) and drops the finest luma
detail. A network that reads meaning into either gives an original and its copy different answers. So brightness is
smoothed slightly and colour more, by one fixed convolution that is part of the exported graph.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

RADIUS = 3
LUMA_SIGMA = 0.7
CHROMA_SIGMA = 2.0
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, JPEG's own


def _gaussian(sigma: float) -> NDArray[np.float64]:
    line = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / sigma) ** 2)
    square = np.outer(line, line)
    return np.asarray(square / square.sum())


def smoothing_kernel() -> NDArray[np.float32]:
    """float32[7, 7, 3, 3]: luma smoothed by `LUMA_SIGMA` pixels plus what is left of the colour by `CHROMA_SIGMA`."""
    luma = _gaussian(LUMA_SIGMA)[:, :, None, None] * _LUMA[None, None, :, None]
    rest = np.eye(3) - _LUMA[:, None]
    return np.asarray(luma + _gaussian(CHROMA_SIGMA)[:, :, None, None] * rest, np.float32)


def to_input(images: Any) -> Any:
    """The backbone's input.

    Args:
        images: float32[batch, side, side, 3], RGB, 0 to 255.

    Returns:
        float32[batch, side, side, 3], -1 to 1; the border is continued by reflection, not by black.
    """
    edge = (RADIUS, RADIUS)
    padded = tf.pad(images / 127.5 - 1, ((0, 0), edge, edge, (0, 0)), mode="SYMMETRIC")
    return tf.nn.conv2d(padded, smoothing_kernel(), 1, "VALID")


class Front(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """`to_input` as a layer; it has no weights."""

    def call(self, images: Any) -> Any:
        """See `to_input`."""
        return to_input(images)
