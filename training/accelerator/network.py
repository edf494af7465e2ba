"""The network of `training.network` in JAX: the same weights give the same logits."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from training.front_matrices import FROM_PLANES, TO_PLANES, sampling_matrices

Array = jax.Array
Weights = Sequence[Array]
"""As Keras lists them: kernel and bias of 27 convolutions, kernel and bias of the head."""

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the depthwise convolutions (Howard 2017, arXiv:1704.04861, table 1)."""


def to_input(images: Array) -> Array:
    """See `training.front.to_input`."""
    planes = jnp.einsum("bhwc,pc->bphw", images / 127.5 - 1, TO_PLANES.astype("float32"))
    rows, columns = sampling_matrices(images.shape[1]), sampling_matrices(images.shape[2])
    sampled = jnp.einsum("psh,bphw,ptw->bpst", rows, planes, columns)
    return jnp.einsum("bphw,cp->bhwc", sampled, FROM_PLANES.astype("float32"))


def pooled_features(weights: Weights, images: Array, *, whole: bool = False) -> Array:
    """Means over the last feature map, float32[batch, 1024].

    Args:
        weights: Of the network; computed with in bfloat16.
        images: float32[batch, side, side, 3], 0 to 255.
        whole: Without the front: the backbone sees every pixel.
    """
    seen = images / 127.5 - 1 if whole else to_input(images)
    kernel, bias = _half(weights[0]), _half(weights[1])
    dimensions = ("NHWC", "HWIO", "NHWC")
    x = lax.conv_general_dilated(_half(seen), kernel, (2, 2), "SAME", dimension_numbers=dimensions)
    x = _relu6(x + bias)
    for block, stride in enumerate(_STRIDES):
        depth_kernel, depth_bias, point_kernel, point_bias = weights[2 + 4 * block : 6 + 4 * block]
        x = _relu6(_half(_depthwise(x, depth_kernel, stride) + depth_bias))
        x = _relu6(x @ _half(point_kernel[0, 0]) + _half(point_bias))
    return jnp.mean(x.astype(jnp.float32), axis=(1, 2))


def head(weights: Weights, features: Array) -> Array:
    """Logits of the diagnoses, float32[batch, 7], of pooled features float32[batch, 1024]."""
    return features @ weights[-2] + weights[-1]


def _half(values: Array) -> Array:
    return values.astype(jnp.bfloat16)


def _relu6(values: Array) -> Array:
    return jnp.clip(values, 0, 6)


def _depthwise(x: Array, kernel: Array, stride: int) -> Array:
    """float32[b, h / stride, w / stride, c] of bfloat16[b, h, w, c] and a kernel [3, 3, c, 1].

    As nine products, which a compiler makes one pass over memory of; grouped convolutions are slow on accelerators.
    """
    height, width = x.shape[1] // stride, x.shape[2] // stride
    before = 1 if stride == 1 else 0  # Keras pads below and to the right where it strides
    padded = jnp.pad(x, ((0, 0), (before, 1), (before, 1), (0, 0)))
    total = jnp.zeros((), jnp.float32)
    for row in range(3):
        for column in range(3):
            there = padded[:, row : row + stride * height : stride, column : column + stride * width : stride]
            total = total + there[:, :height, :width].astype(jnp.float32) * kernel[row, column, :, 0]
    return total
