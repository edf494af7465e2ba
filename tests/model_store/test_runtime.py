"""What holds for every runtime and precision: the reference's answers, whoever shares the batch or the machine."""

import shutil
import threading
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model_store.errors import (
    ImplausibleOutput,
    RefusedForNow,
    RefusedVersion,
    RuntimeUnavailable,
    UnvalidatedPrecision,
)
from model_store.manifest import ValidatedRuntime
from model_store.publish import publish
from model_store.runtime import Precision, Runtime, RuntimeName, load, load_directory
from model_store.runtime_openvino import computes_bf16
from model_store.store import Store, StoredVersion
from tests.tiny_models import BENIGN, GREY, MELANOMA, OTHER_MALIGNANT, picture, save

KINDS: list[tuple[RuntimeName, Precision]] = [("openvino", "f32"), ("openvino", "bf16"), ("tensorflow", "f32")]
COLOURS = (MELANOMA, OTHER_MALIGNANT, GREY, BENIGN)


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    """uint8[12, 224, 224, 3]: pictures that all differ."""
    return np.stack([picture(COLOURS[seed % 4], seed) for seed in range(12)])


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def runtime(request: pytest.FixtureRequest, pristine: Store) -> Runtime:
    name, precision = request.param
    if precision == "bf16" and not computes_bf16():
        pytest.skip("this processor does not compute in bf16")
    return load(pristine.open("classifier", 1), runtime=name, precision=precision)


@pytest.fixture(scope="module")
def reference(pristine: Store, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """What TensorFlow says when it is asked without our code, all images in one batch."""
    model = tf.saved_model.load(str(pristine.path("classifier", 1)))
    outputs = model.signatures["serving_default"](image=tf.constant(images))
    return {name: values.numpy() for name, values in outputs.items()}


def assert_same_bits(one: dict[str, NDArray[np.float32]], other: dict[str, NDArray[np.float32]]) -> None:
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values.view(np.uint32), other[name].view(np.uint32), name)


OUTPUTS = {"probability", "logit", "classes", "diagnoses", "activation_map", "novelty", "dermoscopic"}


def test_all_of_the_reference_s_outputs(
    runtime: Runtime, images: NDArray[np.uint8], reference: dict[str, NDArray[np.float32]]
) -> None:
    outputs = runtime.run(images)
    assert outputs.keys() == reference.keys() == OUTPUTS
    tolerance = 0.02 if runtime.precision == "bf16" else 1e-5
    for name, values in outputs.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, reference[name], rtol=tolerance, atol=tolerance, err_msg=name)


def test_what_it_says_of_itself(runtime: Runtime) -> None:
    assert (runtime.name, runtime.precision) in KINDS
    assert runtime.name in get_args(RuntimeName)


@pytest.mark.parametrize("size", [2, 3, 8, 12])
def test_an_answer_in_a_batch_is_bit_equal_to_the_answer_alone(
    runtime: Runtime, images: NDArray[np.uint8], size: int
) -> None:
    batch = runtime.run(images[:size])
    for row in range(size):
        assert_same_bits(runtime.run(images[row : row + 1]), {name: v[row : row + 1] for name, v in batch.items()})


def test_neighbours_in_the_batch_do_not_matter(runtime: Runtime, images: NDArray[np.uint8]) -> None:
    black, white = np.zeros_like(images[0]), np.full_like(images[0], 255)
    alone = runtime.run(images[:1])
    crowded = runtime.run(np.stack([black, images[0], white]))
    assert_same_bits(alone, {name: values[1:2] for name, values in crowded.items()})


def test_answers_belong_to_the_caller(runtime: Runtime, images: NDArray[np.uint8]) -> None:
    """OpenVINO writes the next patient's answer where the last one lay."""
    first = runtime.run(images[:1])
    kept = {name: values.copy() for name, values in first.items()}
    for image in images[1:]:
        runtime.run(image[np.newaxis])
    assert_same_bits(first, kept)
    for values in first.values():
        values[:] = -1
    assert_same_bits(runtime.run(images[:1]), kept)


def test_under_many_threads_each_gets_its_own_answer(runtime: Runtime, images: NDArray[np.uint8]) -> None:
    alone = runtime.run(images)
    wrong: list[str] = []
    start = threading.Barrier(8)

    def ask(first: int) -> None:
        start.wait()
        for turn in range(12):
            size = 1 + (first + turn) % 4
            outputs = runtime.run(images[first : first + size])
            wrong.extend(
                name for name, v in outputs.items() if not np.array_equal(v, alone[name][first : first + size])
            )

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (np.zeros((1, 224, 224, 3), np.float32), "must be uint8, received float32"),
        (np.zeros((224, 224, 3), np.uint8), r"shape \[n >= 1, 224, 224, 3\]"),
        (np.zeros((0, 224, 224, 3), np.uint8), r"received \[0, 224, 224, 3\]"),
        (np.zeros((1, 224, 225, 3), np.uint8), "received"),
        (np.zeros((1, 3, 224, 224), np.uint8), "received"),
        (np.zeros((1, 224, 224, 6), np.uint8)[..., ::2], "contiguous"),
        (np.zeros((1, 224, 224, 3), np.uint8)[..., ::-1], "contiguous"),
    ],
)
def test_images_that_are_none(runtime: Runtime, bad: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        runtime.run(bad)
    assert runtime.run(np.zeros((1, 224, 224, 3), np.uint8))["probability"].shape == (1,)


class Undefined(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """0 / 0 for a black image."""

    def __call__(self, image: Any) -> dict[str, Any]:
        mean = tf.reduce_mean(tf.cast(image, tf.float32), [1, 2, 3])
        return {"probability": mean / (mean + mean)}


@pytest.mark.parametrize("name", get_args(RuntimeName))
def test_what_is_not_finite_never_comes_back(tmp_path: Path, name: RuntimeName) -> None:
    save(Undefined(), tmp_path)
    runtime = load_directory(tmp_path, runtime=name)
    images = np.stack([np.full((224, 224, 3), 100, np.uint8), np.zeros((224, 224, 3), np.uint8)])
    assert runtime.run(images[:1])["probability"].tolist() == [0.5]
    with pytest.raises(ImplausibleOutput, match="probability is not finite"):
        runtime.run(images)
    assert runtime.run(images[:1])["probability"].tolist() == [0.5]


class Summed(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
    """One number for all images together."""

    def __call__(self, image: Any) -> dict[str, Any]:
        return {"probability": tf.reduce_sum(tf.cast(image, tf.float32))}


@pytest.mark.parametrize("name", get_args(RuntimeName))
def test_an_output_must_be_of_one_image(tmp_path: Path, name: RuntimeName) -> None:
    save(Summed(), tmp_path)
    with pytest.raises(ImplausibleOutput, match="probability"):
        load_directory(tmp_path, runtime=name).run(np.zeros((2, 224, 224, 3), np.uint8))


@pytest.mark.parametrize("name", get_args(RuntimeName))
def test_what_the_runtime_cannot_read(tmp_path: Path, pristine: Store, name: RuntimeName) -> None:
    with pytest.raises(RefusedVersion, match="cannot read the SavedModel") as refused:
        load_directory(tmp_path, runtime=name)
    assert isinstance(refused.value, RefusedForNow) == (name == "openvino"), "it may be tried again later"
    shutil.copytree(pristine.path("classifier", 1), tmp_path / "broken")
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"not a protocol buffer")
    with pytest.raises(RefusedVersion, match="cannot read the SavedModel"):
        load_directory(tmp_path / "broken", runtime=name)


@pytest.mark.parametrize("name", get_args(RuntimeName))
def test_weights_that_are_missing_are_not_made_up(tmp_path: Path, pristine: Store, name: RuntimeName) -> None:
    shutil.copytree(pristine.path("classifier", 1), tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken" / "variables")
    with pytest.raises(RefusedVersion, match="cannot read the SavedModel"):
        load_directory(tmp_path / "broken", runtime=name)


def version_validated_for(store: Store, *kinds: tuple[str, str]) -> StoredVersion:
    first = store.open("classifier", 1)
    records = [r for r in first.manifest.runtimes if (r.runtime, r.precision) in kinds]
    assert len(records) == len(kinds)
    return publish(
        store, first.path, first.manifest.model_copy(update={"version": 2, "runtimes": records, "files": {}})
    )


@pytest.mark.parametrize(("name", "precision"), KINDS)
def test_a_precision_that_was_not_validated_is_refused(store: Store, name: RuntimeName, precision: Precision) -> None:
    others = [kind for kind in KINDS if kind != (name, precision)]
    version = version_validated_for(store, *others)
    with pytest.raises(UnvalidatedPrecision, match=f"classifier/2 was not validated for {name} in {precision}"):
        load(version, runtime=name, precision=precision)


def test_auto_takes_bf16_only_where_it_was_validated(store: Store) -> None:
    best = "bf16" if computes_bf16() else "f32"
    assert load(store.open("classifier", 1)).precision == best
    assert load(version_validated_for(store, ("openvino", "f32"))).precision == "f32"
    assert load(store.open("classifier", 1), runtime="tensorflow").precision == "f32"


def test_auto_does_not_take_what_nobody_validated(store: Store) -> None:
    with pytest.raises(UnvalidatedPrecision):
        load(version_validated_for(store, ("tensorflow", "f32")))


def test_a_record_of_tensorflow_in_bf16_does_not_make_it_run(store: Store) -> None:
    version = store.open("classifier", 1)
    measured = version.manifest.runtimes[0].model_dump()
    claim = ValidatedRuntime.model_validate(measured | {"runtime": "tensorflow", "precision": "bf16"})
    bold = version.manifest.model_copy(update={"version": 2, "runtimes": [claim], "files": {}})
    with pytest.raises(RuntimeUnavailable, match="f32 only"):
        load(publish(store, version.path, bold), runtime="tensorflow", precision="bf16")
