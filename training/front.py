"""What every network sees first: the picture at five sevenths of its side, without detail that re-encoding destroys.

A picture archive keeps colour at half the resolution or less (JPEG's chroma subsampling) and drops the finest luma
detail. A network that reads meaning into either gives an original and its copy different answers. So brightness is
sampled through a narrow Gaussian and colour through a wider one, 224 pixels to 160, by two fixed matrices that are part
of the exported graph; the backbone then also costs half. (classifier/1 shown pictures of 160 pixels, without training
for it: AUC 0.006 to 0.021 lower on three sets, and a quarter to a third less between an original and its JPEG copy.)
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.front_matrices import FROM_PLANES, TO_PLANES, inner_side, sampling_matrices


def to_input(images: Any) -> Any:
    """The backbone's input.

    Args:
        images: float32[batch, height, width, 3], RGB, 0 to 255; height and width are static.

    Returns:
        float32[batch, inner_side(height), inner_side(width), 3], -1 to 1.
    """
    height, width = int(images.shape[1]), int(images.shape[2])
    planes = tf.einsum("bhwc,pc->bphw", images / 127.5 - 1, TO_PLANES.astype(np.float32))
    rows, columns = sampling_matrices(height), sampling_matrices(width).transpose(0, 2, 1)
    sampled = tf.matmul(tf.matmul(rows, planes), columns)
    return tf.einsum("bphw,cp->bhwc", sampled, FROM_PLANES.astype(np.float32))


class Front(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """`to_input` as a layer; it has no weights."""

    def call(self, images: Any) -> Any:
        """See `to_input`."""
        return to_input(images)

    def compute_output_shape(self, shape: Any) -> Any:
        """(batch, height, width, 3) of the result; None where the side is not known yet."""
        batch, height, width, colours = shape
        return (batch, *(None if side is None else inner_side(side) for side in (height, width)), colours)
