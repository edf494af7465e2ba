"""EfficientNet-Lite in JAX, its batch normalisations folded into its convolutions.

EfficientNet is that of Tan and Le 2019 (arXiv:1905.11946); the Lite networks are its authors' variants without squeeze
and excitation, with ReLU6, and with a stem, a head, and depths of the first and last stage that do not grow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from training.accelerator.layers import Array, Weights, depthwise, half, pointwise, pooled, relu6, stem

STEM, FEATURES = 32, 1280
_DIVISOR = 8
"""Widths are multiples of it."""
_MIDDLE, _SPREAD = 127.0, 128.0
"""What the authors take off a pixel's 0 to 255, and divide it by."""


class Block(NamedTuple):
    """A 1x1 convolution that widens (none where `expand` is 1), a depthwise one, and a 1x1 one that narrows."""

    kernel: int
    stride: int
    expand: int
    inputs: int
    outputs: int


_STAGES = (
    (1, Block(3, 1, 1, 32, 16)), (2, Block(3, 2, 6, 16, 24)), (2, Block(5, 2, 6, 24, 40)), (3, Block(3, 2, 6, 40, 80)),
    (3, Block(5, 1, 6, 80, 112)), (4, Block(5, 2, 6, 112, 192)), (1, Block(3, 1, 6, 192, 320)),
)  # fmt: skip
"""Blocks of each stage, and the first of them, at width and depth 1 (Tan and Le 2019, table 1)."""


@dataclass(frozen=True)
class EfficientNetLite:
    """One of the networks, without its weights.

    Attributes:
        name: As its authors call it.
        width: Coefficient of the channels of the stages.
        depth: Coefficient of the blocks of the stages between the first and the last.
    """

    name: str
    width: float
    depth: float

    def blocks(self) -> Iterator[Block]:
        """All blocks, from the stem to the head."""
        inputs = STEM
        for number, (count, first) in enumerate(_STAGES):
            ends = number in (0, len(_STAGES) - 1)
            outputs = self._widened(first.outputs)
            for repeat in range(count if ends else math.ceil(count * self.depth)):
                yield first._replace(inputs=inputs, outputs=outputs, stride=1 if repeat else first.stride)
                inputs = outputs

    def kernels(self) -> Iterator[tuple[int, int, int, int]]:
        """Shapes of the kernels of all convolutions, in the order of the weights, as Keras has them."""
        yield (3, 3, 3, STEM)
        outputs = STEM
        for kernel, _, expand, inputs, outputs in self.blocks():
            if expand > 1:
                yield (1, 1, inputs, expand * inputs)
            yield (kernel, kernel, expand * inputs, 1)
            yield (1, 1, expand * inputs, outputs)
        yield (1, 1, outputs, FEATURES)

    def __call__(self, weights: Weights, images: Array) -> Array:
        """Means over the last feature map; see `training.accelerator.layers.Features`.

        Args:
            weights: Kernel (see `kernels`) and bias of each convolution; those of a head may follow.
            images: float32[batch, side, side, 3], 0 to 255; every pixel is seen.

        Returns:
            float32[batch, 1280], 0 to 6.
        """
        rest = iter(weights)
        x = stem((images - _MIDDLE) / _SPREAD, next(rest), next(rest))
        for block in self.blocks():
            y = relu6(pointwise(x, next(rest), next(rest))) if block.expand > 1 else x
            y = relu6(half(_depthwise(y, next(rest), block.stride) + next(rest)))
            y = pointwise(y, next(rest), next(rest))
            x = x + y if block.stride == 1 and block.inputs == block.outputs else y
        return pooled(relu6(pointwise(x, next(rest), next(rest))))

    def _widened(self, channels: int) -> int:
        """To the nearest multiple of 8, unless that takes away more than a tenth."""
        wide = channels * self.width
        near = max(_DIVISOR, int(wide + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
        return near if near >= 0.9 * wide else near + _DIVISOR


LITES = (
    EfficientNetLite("efficientnet-lite0", 1.0, 1.0),
    EfficientNetLite("efficientnet-lite1", 1.0, 1.1),
    EfficientNetLite("efficientnet-lite2", 1.1, 1.2),
)


def _depthwise(x: Array, kernel: Array, stride: int) -> Array:
    """Float32[b, h / stride, w / stride, c], padded as TensorFlow's "SAME" does: what is odd of it below and right."""
    side = len(kernel)
    totals = [max((-(-size // stride) - 1) * stride + side - size, 0) for size in x.shape[1:3]]
    margins = [(total // 2, total - total // 2) for total in totals]

    # A gradient would keep all k * k shifted copies, unless told that they are made again in no time.
    @jax.checkpoint
    def convolved(x: Array, kernel: Array) -> Array:
        return depthwise(jnp.pad(x, ((0, 0), *margins, (0, 0))), kernel, stride)

    total: Array = convolved(x, kernel)
    return total
