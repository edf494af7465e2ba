"""What bfloat16 would make of an artifact, on a processor that does not compute in it.

Processors with AMX or AVX512-BF16 multiply bfloat16 by bfloat16, add up in float32, and store a layer's result as
bfloat16 again. Rounding weights and every layer's result does the same to the numbers, whatever processor this is
(Kalamkar 2019, arXiv:1905.12322, emulates it so). It is no measurement of a runtime: the manifest says that it was
emulated, and the service compares the golden images on the processor itself before it uses the precision. What comes
first and last is rounded here, too, although the service computes it in float32 (`model_store.openvino_precise`), so
the difference comes out rather too large.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.depths import Correction
from training.front import to_input
from training.gatekeeper import TAPS, pooled

BATCH = 32


def rounded(values: Any) -> Any:
    """float32 values rounded to the nearest bfloat16, as float32."""
    return tf.cast(tf.cast(values, tf.bfloat16), tf.float32)


@dataclass(frozen=True)
class Emulated:
    """An artifact whose every layer stores bfloat16.

    Attributes:
        backbone: What `backbone.fold` returned, with the artifact's weights: one line of layers.
        kernel: float[1024, k] of the linear layer behind it.
        bias: float[k].
        answer: From the linear layer's float32[batch, k] to the output.
        correction: What all depths add to the linear layer's result; None if nothing.
    """

    backbone: keras.Model
    kernel: Any
    bias: Any
    answer: Callable[[Any], Any]
    correction: Correction | None = None

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The output, float32[n, ...], of images uint8[n, 224, 224, 3]."""
        layers = [_rounded_layer(layer) for layer in self.backbone.layers[1:]]
        kernel = rounded(np.asarray(self.kernel, np.float32))

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # it has no types
        def run(batch: Any) -> Any:
            features, maps = rounded(to_input(rounded(tf.cast(batch, tf.float32)))), []
            for layer in layers:
                features = rounded(layer(features))
                maps += [features] if layer.name in TAPS else []
            means = rounded(tf.reduce_mean(features, axis=(1, 2)))
            logits = means @ kernel + np.asarray(self.bias, np.float32)
            if self.correction is not None:
                logits += rounded(self.correction.of(rounded(pooled(maps))))
            return rounded(self.answer(rounded(logits)))

        parts = [run(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate([np.asarray(part) for part in parts])


def _rounded_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A copy of a layer with rounded weights; biases are added in float32."""
    copy = type(layer).from_config(layer.get_config())
    if layer.weights:
        copy.build(layer.input.shape)
        kernel, bias = layer.get_weights()
        copy.set_weights([np.asarray(rounded(kernel)), bias])
    return copy
