from pathlib import Path

import keras
import numpy as np
import pytest

from training.paper.bases import BASES, build_base, weights_of


@pytest.mark.parametrize("base", ["mobilenet", "cnn", "vgg16"])
def test_a_base_makes_features_of_pixels(base: str) -> None:
    network = build_base(base, None, 32)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    found = np.asarray(network(pixels))
    assert found.shape == (2, network.output_shape[1])
    assert np.isfinite(found).all()


def test_pixels_are_scaled_as_each_was_trained_with() -> None:
    assert {name: base.scaled for name, base in BASES.items()} == {
        "mobilenet": "tf", "vgg16": "caffe", "inceptionv3": "tf", "resnet50v2": "tf", "cnn": "tf", "mobilenetv2": "tf",
        "mobilenetv3small": "raw", "efficientnetb0": "raw",
    }  # fmt: skip
    ours = build_base("vgg16", None, 32)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    inner = next(layer for layer in ours.layers if isinstance(layer, keras.Model))
    expected = np.asarray(inner(keras.applications.vgg16.preprocess_input(pixels.copy()))).mean(axis=(1, 2))
    assert np.asarray(ours(pixels)) == pytest.approx(expected, abs=1e-4)


def test_given_statistics_never_learn(weights: Path) -> None:
    network = build_base("mobilenet", str(weights), 64)
    normalisations = [
        layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert not any(layer.trainable for layer in normalisations)
    assert network.trainable_variables


@pytest.mark.parametrize("base", ["mobilenet", "mobilenetv2", "inceptionv3", "resnet50v2", "efficientnetb0"])
def test_from_random_weights_statistics_learn(base: str) -> None:
    """Without normalisation a deep network does not begin to learn."""
    layers = build_base(base, None, 96)._flatten_layers()
    normalisations = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert normalisations
    assert all(layer.trainable for layer in normalisations)


def test_weights_are_found_by_their_names(weights_folder: Path) -> None:
    assert weights_of("mobilenet", str(weights_folder)) == str(weights_folder / "mobilenet_v1_1.0_224.weights.h5")
    assert weights_of("vgg16", str(weights_folder)) is None
    assert weights_of("vgg16", "imagenet") == "imagenet"
    assert weights_of("cnn", "imagenet") is None
