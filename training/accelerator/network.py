"""The network of `training.network` in JAX: the same weights give the same logits."""

from __future__ import annotations

import jax.numpy as jnp

from training.accelerator.layers import Array, Weights, depthwise, half, pointwise, pooled, relu6, stem
from training.front_matrices import FROM_PLANES, TO_PLANES, sampling_matrices

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the depthwise convolutions (Howard 2017, arXiv:1704.04861, table 1)."""


def to_input(images: Array) -> Array:
    """See `training.front.to_input`."""
    planes = jnp.einsum("bhwc,pc->bphw", images / 127.5 - 1, TO_PLANES.astype("float32"))
    rows, columns = sampling_matrices(images.shape[1]), sampling_matrices(images.shape[2])
    sampled = jnp.einsum("psh,bphw,ptw->bpst", rows, planes, columns)
    return jnp.einsum("bphw,cp->bhwc", sampled, FROM_PLANES.astype("float32"))


def pooled_features(weights: Weights, images: Array) -> Array:
    """Means over the last feature map of what the front leaves of images.

    Args:
        weights: Of the network: kernel and bias of 27 convolutions, and of the head.
        images: float32[batch, side, side, 3], 0 to 255.

    Returns:
        float32[batch, 1024].
    """
    return _backbone(weights, to_input(images))


def whole_features(weights: Weights, images: Array) -> Array:
    """As `pooled_features`, but without the front: the backbone sees every pixel."""
    return _backbone(weights, images / 127.5 - 1)


def _backbone(weights: Weights, seen: Array) -> Array:
    """float32[batch, 1024] of float32[batch, side, side, 3], -1 to 1."""
    x = stem(seen, weights[0], weights[1])
    for block, stride in enumerate(_STRIDES):
        depth_kernel, depth_bias, point_kernel, point_bias = weights[2 + 4 * block : 6 + 4 * block]
        before = 1 if stride == 1 else 0  # Keras pads below and to the right where it strides
        padded = jnp.pad(x, ((0, 0), (before, 1), (before, 1), (0, 0)))
        x = relu6(half(depthwise(padded, depth_kernel, stride) + depth_bias))
        x = relu6(pointwise(x, point_kernel, point_bias))
    return pooled(x)
