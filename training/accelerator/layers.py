"""What the networks are made of: computed in bfloat16, from weights in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

Array = jax.Array
Weights = Sequence[Array]
"""As Keras lists them: kernel and bias of each convolution, kernel and bias of the head."""
Features = Callable[[Weights, Array], Array]
"""A network but for its head: float32[batch, features] of its weights and float32[batch, side, side, 3], 0 to 255.

Compiled functions take it as a static argument, so it must be hashable: a function, or a frozen dataclass.
"""

COMPUTED = jnp.bfloat16


def half(values: Array) -> Array:
    """In the type that the networks compute in."""
    return values.astype(COMPUTED)


def relu6(values: Array) -> Array:
    """Clipped to 0 to 6."""
    return jnp.clip(values, 0, 6)


def stem(images: Array, kernel: Array, bias: Array) -> Array:
    """[b, h / 2, w / 2, c] of images float32[b, h, w, 3], about -1 to 1, a kernel [3, 3, 3, c] and a bias [c]."""
    dimensions = ("NHWC", "HWIO", "NHWC")
    x = lax.conv_general_dilated(half(images), half(kernel), (2, 2), "SAME", dimension_numbers=dimensions)
    return relu6(x + half(bias))


def pointwise(x: Array, kernel: Array, bias: Array) -> Array:
    """[b, h, w, d] of [b, h, w, c], a kernel [1, 1, c, d] and a bias [d]."""
    return x @ half(kernel[0, 0]) + half(bias)


def depthwise(padded: Array, kernel: Array, stride: int) -> Array:
    """float32[b, (h - k) / stride + 1, ..., c] of what is padded already, [b, h, w, c], and a kernel [k, k, c, 1].

    As k * k products, which a compiler makes one pass over memory of; grouped convolutions are slow on accelerators.
    """
    side = len(kernel)
    height, width = ((size - side) // stride + 1 for size in padded.shape[1:3])
    total = jnp.zeros((), jnp.float32)
    for row in range(side):
        for column in range(side):
            there = padded[:, row : row + stride * height : stride, column : column + stride * width : stride]
            total = total + there[:, :height, :width].astype(jnp.float32) * kernel[row, column, :, 0]
    return total


def pooled(x: Array) -> Array:
    """Means over the feature map, float32[b, c] of [b, h, w, c]."""
    return jnp.mean(x.astype(jnp.float32), axis=(1, 2))


def head(weights: Weights, features: Array) -> Array:
    """Logits of the diagnoses, float32[batch, 7], of pooled features float32[batch, features]."""
    return features @ weights[-2] + weights[-1]
