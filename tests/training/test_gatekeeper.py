from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.runtime import load_directory
from tests.training.built import Data
from training.export import Gatekeepers
from training.front import to_input
from training.gatekeeper import FARTHEST, features_of, fit_gatekeeper, last_means, pooled, tapped
from training.network import build_network


@pytest.fixture(scope="module")
def backbone(network: keras.Model) -> keras.Model:
    return network.get_layer("backbone")


@pytest.fixture(scope="module")
def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(9).integers(0, 256, (8, 224, 224, 3), np.uint8)


def test_the_last_means_are_what_diagnoses_are_told_from(
    backbone: keras.Model, data: Data, features: NDArray[np.float32]
) -> None:
    found = features_of(backbone, [data.table.pixels[:4], data.table.pixels[4:6]])
    assert found.shape == (6, 2 * (64 + 128 + 256 + 512 + 1024))
    assert last_means(found, backbone) == pytest.approx(features[:6], abs=1e-4)


def test_features_go_by_the_weights_of_the_moment(data: Data) -> None:
    """Their graph is made once for a network, which learns on or is given other weights in between."""
    backbone, pixels = build_network("none").get_layer("backbone"), data.table.pixels[:2]
    before = features_of(backbone, [pixels])
    kernel = backbone.trainable_variables[0]
    kernel.assign(kernel * 3)
    found = features_of(backbone, [pixels])
    assert not np.allclose(found, before, atol=1e-3)
    expected = pooled(tapped(backbone)(to_input(pixels.astype(np.float32)), training=False))
    assert found == pytest.approx(np.asarray(expected), abs=1e-4)


def test_the_artifact_says_what_was_fitted(
    backbone: keras.Model, exported: Path, gatekeepers: Gatekeepers, data: Data, noise: NDArray[np.uint8]
) -> None:
    pictures = np.concatenate([data.table.pixels[40:48], noise])
    found, seen = load_directory(exported).run(pictures), features_of(backbone, [pictures])
    for output, one in gatekeepers.items():
        scaled = np.clip((seen - one.mean) * one.scale, -FARTHEST, FARTHEST)
        assert found[output] == pytest.approx(1 / (1 + np.exp(-(scaled @ one.weights + one.bias))), abs=0.02)
    # Neither these pictures nor this noise were learned from.
    assert found["dermoscopic"][:8].min() > found["dermoscopic"][8:].max()
    assert np.ptp(found["free_of_hair"] - found["free_of_ruler"]) > 0.02


def test_both_sides_count_the_same_however_many_there_are() -> None:
    random = np.random.default_rng(1)
    good, wrong = random.normal(1, 1, (400, 5)), random.normal(-1, 1, (40, 5))
    fitted = fit_gatekeeper(good.astype(np.float32), wrong.astype(np.float32))

    def logit(features: NDArray[np.float64]) -> NDArray[np.float64]:
        return (features - fitted.mean) * fitted.scale @ fitted.weights + fitted.bias

    assert np.median(logit(good)) > 0 > np.median(logit(wrong))
