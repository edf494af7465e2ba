from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from model_store.runtime import load_directory
from training.paper.candidates import Candidate
from training.paper.hybrids import NEIGHBOURS, TextureNeighbours, texture, with_svm
from training.paper.network import build
from training.paper.recipe import PaperRecipe


def _pictures(count: int, malignant: bool, seed: int) -> np.ndarray:
    """Smooth and bright, or coarse and dark."""
    random = np.random.default_rng(seed)
    if malignant:
        return random.integers(0, 160, (count, 224, 224, 3)).astype(np.uint8)
    line = np.linspace(120, 220, 224)
    smooth = line[None, :, None, None] + random.uniform(-8, 8, (count, 1, 1, 3)) + np.zeros((1, 1, 224, 1))
    return smooth.astype(np.uint8)


def test_neighbours_tell_textures_and_are_the_same_in_both_runtimes(tmp_path: Path) -> None:
    learned = np.concatenate([_pictures(20, True, 1), _pictures(20, False, 2)])
    TextureNeighbours(learned, np.arange(40) < 20).save(tmp_path)
    asked = np.concatenate([_pictures(3, True, 3), _pictures(3, False, 4)])
    found = [
        load_directory(tmp_path, runtime="openvino").run(asked)["probability"],
        load_directory(tmp_path, runtime="tensorflow").run(asked)["probability"],
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-4)
    assert found[0][:3] == pytest.approx((NEIGHBOURS + 1) / (NEIGHBOURS + 2))
    assert found[0][3:] == pytest.approx(1 / (NEIGHBOURS + 2))


def test_patterns_are_shares_and_do_not_see_brightness() -> None:
    picture = _pictures(1, True, 5)
    found, brighter = (texture(tf.constant(pixels)).numpy()[0] for pixels in (picture, picture + 60))
    assert found[:256].sum() == pytest.approx(100.0, abs=0.01)
    assert found[:256] == pytest.approx(brighter[:256], abs=1e-4)
    assert np.abs(found[256:] - brighter[256:]).max() > 10


def test_a_machine_on_features_answers_with_a_probability_that_fits(quick: PaperRecipe) -> None:
    network = build(Candidate("cnn-svm", "S", "scratch", ("cnn",)), quick, "nowhere")
    width = network.get_layer("head").input.shape[1]
    random = np.random.default_rng(0)
    answers, truth = random.random(200) < 0.5, random.random(100) < 0.5

    def near(labels: np.ndarray) -> np.ndarray:
        return (random.normal(size=(len(labels), width)) + labels[:, None] * 0.8).astype(np.float32)

    watched = near(truth)
    with_svm(network, near(answers), answers, watched, truth)
    kernel, bias = network.get_layer("head").get_weights()
    probability = 1 / (1 + np.exp(-(watched @ kernel + bias)[:, 0]))
    assert ((probability > 0.5) == truth).mean() > 0.9
    assert probability.mean() == pytest.approx(truth.mean(), abs=0.02)  # calibrated on these
