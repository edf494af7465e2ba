from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.manifest import ValidatedRuntime
from model_store.runtime import load_directory
from model_store.runtime_openvino import computes_bf16
from tests.training.built import Data
from training import runtimes
from training.bfloat16 import Emulated
from training.runtimes import LARGEST_ALLOWED, LEAST_TOLERANCE, validate_runtimes


@pytest.fixture(scope="module")
def pictures(data: Data) -> NDArray[np.uint8]:
    return np.ascontiguousarray(data.table.pixels[3::60])


@pytest.fixture(scope="module")
def difference(exported: Path, pictures: NDArray[np.uint8]) -> Callable[[str], NDArray[np.float32]]:
    """Of the probability, to TensorFlow, for an OpenVINO precision; the artifact run once more."""
    reference = load_directory(exported, runtime="tensorflow").run(pictures)["probability"]

    def measure(precision: str) -> NDArray[np.float32]:
        runtime = load_directory(exported, precision="bf16" if precision == "bf16" else "f32")
        return np.asarray(np.abs(runtime.run(pictures)["probability"] - reference))

    return measure


@pytest.fixture(scope="module")
def validated(
    exported: Path, pictures: NDArray[np.uint8], emulated: Emulated
) -> dict[tuple[str, str], ValidatedRuntime]:
    found = validate_runtimes(exported, pictures, "probability", emulated)
    return {(record.runtime, record.precision): record for record in found}


def test_the_reference_is_tensorflow(validated: dict[tuple[str, str], ValidatedRuntime]) -> None:
    reference = validated["tensorflow", "f32"]
    assert (reference.mean_difference, reference.largest_difference) == (0, 0)
    assert ("tensorflow", "bf16") not in validated


def test_differences_are_those_of_the_probability(
    validated: dict[tuple[str, str], ValidatedRuntime],
    pictures: NDArray[np.uint8],
    difference: Callable[[str], NDArray[np.float32]],
) -> None:
    record, expected = validated["openvino", "f32"], difference("f32")
    assert record.images == len(pictures)
    assert record.largest_difference == pytest.approx(float(expected.max()), abs=1e-7)
    assert record.mean_difference == pytest.approx(float(expected.mean()), abs=1e-7)
    assert record.tolerance == max(LEAST_TOLERANCE["f32"], 2 * record.largest_difference)


@pytest.mark.skipif(not computes_bf16(), reason="this processor does not compute bf16")
def test_bf16_is_validated_only_when_it_stays_close(
    validated: dict[tuple[str, str], ValidatedRuntime], difference: Callable[[str], NDArray[np.float32]]
) -> None:
    largest = float(difference("bf16").max())
    assert largest > float(difference("f32").max())
    assert (("openvino", "bf16") in validated) == (largest <= LARGEST_ALLOWED)
    if largest <= LARGEST_ALLOWED:
        assert validated["openvino", "bf16"].tolerance == max(LEAST_TOLERANCE["bf16"], 2 * largest)


def test_where_bf16_is_not_computed_it_is_emulated_and_the_record_says_so(
    exported: Path, pictures: NDArray[np.uint8], emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "computes_bf16", lambda: False)
    records = {record.precision: record for record in validate_runtimes(exported, pictures, "probability", emulated)}
    reference = load_directory(exported, runtime="tensorflow").run(pictures)["probability"]
    largest = float(np.abs(emulated.run(pictures) - reference).max())
    assert not records["f32"].emulated
    assert ("bf16" in records) == (largest <= LARGEST_ALLOWED)
    if "bf16" in records:
        assert records["bf16"].emulated
        assert records["bf16"].largest_difference == pytest.approx(largest, abs=1e-7)


def test_nothing_that_moves_a_probability_far_is_validated(
    exported: Path, pictures: NDArray[np.uint8], emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "LARGEST_ALLOWED", 1e-12)
    found = validate_runtimes(exported, pictures[:1], "probability", emulated)
    assert [record.runtime for record in found] == ["tensorflow"]


def test_a_tolerance_can_never_be_another_model() -> None:
    """Twice the largest allowed difference must be a tolerance that a manifest accepts."""
    record = ValidatedRuntime(
        runtime="openvino",
        precision="bf16",
        images=1,
        mean_difference=0,
        largest_difference=LARGEST_ALLOWED,
        tolerance=2 * LARGEST_ALLOWED,
    )
    assert record.tolerance < 0.1
