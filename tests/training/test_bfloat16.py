from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model_store.runtime import load_directory
from model_store.runtime_openvino import computes_bf16
from tests.training.built import Data
from training.bfloat16 import Emulated, rounded


@pytest.fixture(scope="module")
def pictures(data: Data) -> NDArray[np.uint8]:
    return np.ascontiguousarray(data.table.pixels[5::50])


@pytest.fixture(scope="module")
def reference(exported: Path, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    return load_directory(exported, runtime="tensorflow").run(pictures)["probability"]


def test_eight_bits_of_a_number_are_kept() -> None:
    given = np.array([1.0, 1 + 2**-7, 1 + 2**-8, 1 + 3 * 2**-8, -3.14159265, 1e30, 0.0], np.float32)
    expected = [1.0, 1 + 2**-7, 1.0, 1 + 2**-6, -3.140625, 1.0002556e30, 0.0]  # ties go to the even neighbour
    assert np.asarray(rounded(given)) == pytest.approx(expected, rel=1e-6)
    assert (np.asarray(rounded(rounded(given))) == np.asarray(rounded(given))).all()


def test_it_is_near_the_artifact_and_not_the_same(
    emulated: Emulated, reference: NDArray[np.float32], pictures: NDArray[np.uint8]
) -> None:
    difference = np.abs(emulated.run(pictures) - reference)
    assert 0 < difference.max() < 0.1
    assert difference.mean() < 0.02


def test_the_network_keeps_its_weights(emulated: Emulated, pictures: NDArray[np.uint8]) -> None:
    before = emulated.backbone.get_weights()
    emulated.run(pictures[:1])
    assert all((a == b).all() for a, b in zip(before, emulated.backbone.get_weights(), strict=True))


def test_the_answer_sees_the_linear_layer(emulated: Emulated, pictures: NDArray[np.uint8]) -> None:
    seen = Emulated(emulated.backbone, emulated.kernel, emulated.bias, tf.identity).run(pictures)
    assert seen.shape == (len(pictures), 7)
    assert (np.asarray(rounded(seen)) == seen).all()


@pytest.mark.skipif(not computes_bf16(), reason="this processor does not compute bf16")
def test_it_is_as_far_from_the_artifact_as_the_processor_is(
    emulated: Emulated, exported: Path, reference: NDArray[np.float32], pictures: NDArray[np.uint8]
) -> None:
    real = np.abs(load_directory(exported, precision="bf16").run(pictures)["probability"] - reference)
    assert np.abs(emulated.run(pictures) - reference).max() == pytest.approx(real.max(), abs=0.02)
