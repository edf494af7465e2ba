from pathlib import Path

import keras
import numpy as np
import pytest

from training.paper.bases import BASES, build_base, weights_of


@pytest.mark.parametrize("base", ["mobilenet", "cnn", "vgg16"])
def test_a_base_makes_features_of_pixels(base: str) -> None:
    network = build_base(base, None, 32, learns=True)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    found = np.asarray(network(pixels))
    assert found.shape == (2, network.output_shape[1])
    assert np.isfinite(found).all()


def test_pixels_are_scaled_as_each_was_trained_with() -> None:
    assert {name: base.scaled for name, base in BASES.items()} == {
        "mobilenet": "tf", "vgg16": "caffe", "inceptionv3": "tf", "resnet50v2": "tf", "cnn": "tf", "mobilenetv2": "tf",
        "mobilenetv3small": "raw", "efficientnetb0": "raw",
    }  # fmt: skip
    ours = build_base("vgg16", None, 32, learns=True)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    inner = next(layer for layer in ours.layers if isinstance(layer, keras.Model))
    expected = np.asarray(inner(keras.applications.vgg16.preprocess_input(pixels.copy()))).mean(axis=(1, 2))
    assert np.asarray(ours(pixels)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("learns", [True, False])
def test_statistics_learn_where_the_base_does(weights: Path, learns: bool) -> None:
    network = build_base("mobilenet", str(weights), 64, learns=learns)
    layers = network._flatten_layers()
    normalisations = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(normalisations) == 27
    before = [np.asarray(layer.moving_mean) for layer in normalisations]
    network(np.random.default_rng(0).uniform(0, 255, (4, 64, 64, 3)).astype(np.float32), training=True)
    moved = [not np.array_equal(old, new.moving_mean) for old, new in zip(before, normalisations, strict=True)]
    assert moved == [learns] * 27


def test_weights_are_found_by_their_names(weights_folder: Path) -> None:
    assert weights_of("mobilenet", str(weights_folder)) == str(weights_folder / "mobilenet_v1_1.0_224.weights.h5")
    assert weights_of("vgg16", str(weights_folder)) is None
    assert weights_of("vgg16", "imagenet") == "imagenet"
    assert weights_of("cnn", "imagenet") is None
