from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from model_store.runtime import load_directory
from training.paper.candidates import Candidate
from training.paper.network import ExportedNetwork, build, resized, side_of
from training.paper.recipe import PaperRecipe

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)


@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
@pytest.mark.parametrize("bases", [("cnn",), ("mobilenet",), ("cnn", "mobilenet")])
def test_what_is_exported_is_the_network_in_both_runtimes(
    bases: tuple[str, ...], runtime: str, quick: PaperRecipe, tmp_path: Path
) -> None:
    network = build(Candidate("a-b", "A", "scratch", bases), quick, "nowhere")
    network.get_layer("head").set_weights([w * 20 + 0.1 for w in network.get_layer("head").get_weights()])
    ExportedNetwork(network).save(tmp_path)
    found = load_directory(tmp_path, runtime=runtime).run(PIXELS)  # type: ignore[arg-type]
    assert set(found) == {"probability"}
    shown = resized(tf.cast(PIXELS, tf.float32), int(network.input_shape[1]))
    expected = tf.sigmoid(network(shown, training=False))[:, 0].numpy()
    assert found["probability"] == pytest.approx(expected, abs=1e-4)


def test_pixels_of_a_smaller_picture_are_means() -> None:
    image = tf.constant(PIXELS[:1], tf.float32)
    half = resized(image, 112).numpy()
    assert half == pytest.approx(PIXELS[:1].reshape(1, 112, 2, 112, 2, 3).mean(axis=(2, 4)), abs=1e-3)
    odd = resized(tf.fill((1, 224, 224, 3), 7.0), 75).numpy()
    assert odd == pytest.approx(np.full((1, 75, 75, 3), 7.0), abs=1e-4)
    assert resized(image, 224) is image


def test_inception_takes_nothing_small() -> None:
    recipe = PaperRecipe()
    assert side_of(Candidate("x", "X", "scratch", ("vgg16", "inceptionv3")), recipe) == 96
    assert side_of(Candidate("x", "X", "scratch", ("vgg16",)), recipe) == 64
    assert side_of(Candidate("x", "X", "frozen", ("inceptionv3",)), recipe) == 224


def test_bases_that_learned_alone_are_joined_each_with_its_own_side(quick: PaperRecipe, tmp_path: Path) -> None:
    candidate = Candidate("joined", "Joined", "joined", ("cnn", "mobilenet"))
    network = build(candidate, quick, "nowhere")
    assert network.input_shape == (None, quick.side, quick.side, 3)
    assert [network.get_layer(base).input_shape[1] for base in candidate.bases] == [quick.scratch_side] * 2
    ExportedNetwork(network).save(tmp_path)
    found = load_directory(tmp_path, runtime="openvino").run(PIXELS)
    shown = resized(tf.cast(PIXELS, tf.float32), quick.side)
    expected = tf.sigmoid(network(shown, training=False))[:, 0].numpy()
    assert found["probability"] == pytest.approx(expected, abs=1e-4)
