from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from training.accelerator import layers as module
from training.accelerator.efficientnet_lite import FEATURES, LITES, EfficientNetLite

MILLIONS = {"efficientnet-lite0": 4.652, "efficientnet-lite1": 5.417, "efficientnet-lite2": 6.092}
"""Parameters with a head for ImageNet's 1000 classes, as the authors' builds have them."""


@pytest.mark.parametrize("lite", LITES, ids=lambda lite: lite.name)
def test_how_large_they_are(lite: EfficientNetLite) -> None:
    """Each batch normalisation has a scale and a shift for each channel of its convolution, which has no bias."""
    kernels = list(lite.kernels())
    channels = [shape[3] if shape[3] > 1 else shape[2] for shape in kernels]
    count = sum(int(np.prod(shape)) for shape in kernels) + 2 * sum(channels) + (FEATURES + 1) * 1000
    assert round(count / 1e6, 3) == MILLIONS[lite.name]


def test_blocks_and_widths() -> None:
    small, middle, large = (list(lite.blocks()) for lite in LITES)
    assert [len(small), len(middle), len(large)] == [16, 21, 21]
    assert [block.outputs for block in small] == [16, 24, 24, 40, 40] + 3 * [80] + 3 * [112] + 4 * [192] + [320]
    assert list(dict.fromkeys(block.outputs for block in large)) == [16, 24, 48, 88, 120, 208, 352]
    assert {block.outputs for block in middle} == {block.outputs for block in small}
    for blocks in (small, middle, large):
        assert [block.stride for block in blocks].count(2) == 4
        assert all(one.outputs == other.inputs for one, other in pairwise(blocks))


def _reference(lite: EfficientNetLite, side: int) -> keras.Model:
    """The network in Keras, each convolution without a bias and with its batch normalisation."""
    layers, kernels = keras.layers, lite.kernels()

    def normalised(x: Any, stride: int = 1) -> Any:
        rows, _, _, outputs = next(kernels)
        options = {"strides": stride, "padding": "same", "use_bias": False}
        wide = outputs > 1
        convolved = layers.Conv2D(outputs, rows, **options) if wide else layers.DepthwiseConv2D(rows, **options)
        return layers.BatchNormalization(epsilon=1e-3)(convolved(x))

    image = keras.Input((side, side, 3))
    x = layers.ReLU(6)(normalised((image - 127.0) / 128.0, 2))
    for block in lite.blocks():
        y = layers.ReLU(6)(normalised(x)) if block.expand > 1 else x
        y = normalised(layers.ReLU(6)(normalised(y, block.stride)))
        x = x + y if block.stride == 1 and block.inputs == block.outputs else y
    return keras.Model(image, layers.GlobalAveragePooling2D()(layers.ReLU(6)(normalised(x))))


def _folded(model: keras.Model) -> list[jax.Array]:
    """Makes up what the normalisations have learned; the weights of the same network without them."""
    random, weights, kernel = np.random.default_rng(0), list[jax.Array](), np.zeros((1, 1, 1, 1))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            gamma, variance = random.uniform(1, 3, count), random.uniform(0.3, 1, count)
            beta, mean = random.normal(0.5, 0.5, (2, count))
            layer.set_weights([gamma, beta, mean, variance])
            scale = gamma / np.sqrt(variance + 1e-3)
            scaled = kernel * (scale[:, None] if kernel.shape[3] == 1 else scale)
            weights += [jnp.asarray(scaled, jnp.float32), jnp.asarray(beta - mean * scale, jnp.float32)]
        elif layer.get_weights():
            (kernel,) = layer.get_weights()
    return weights


@pytest.mark.parametrize("side", [64, 50])
def test_it_is_the_network_without_its_normalisations(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At sides of which each stride halves an even number, and at such (25, 13, 7) of which none does."""
    monkeypatch.setattr(module, "COMPUTED", jnp.float32)
    lite = EfficientNetLite("small", 1.0, 0.6)  # the second blocks of a stage too
    model = _reference(lite, side)
    weights = _folded(model)
    images: NDArray[np.float32] = np.random.default_rng(1).uniform(0, 255, (2, side, side, 3)).astype(np.float32)
    expected = np.asarray(model(images, training=False))
    found = np.asarray(lite(weights, jnp.asarray(images)))
    assert found.shape == (2, FEATURES)
    assert expected.std() > 0.1
    assert found == pytest.approx(expected, abs=1e-3)
