from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.errors import RefusedVersion, UnvalidatedPrecision
from model_store.golden import check_golden
from model_store.publish import publish
from model_store.runtime import load, load_directory
from model_store.store import Store, StoredVersion
from tests.tiny_models import BENIGN, add_classifier, picture, png


def republish(store: Store, **changes: Any) -> StoredVersion:
    """classifier/2: the files of classifier/1 with another manifest, hashes and all."""
    first = store.open("classifier", 1)
    return publish(store, first.path, first.manifest.model_copy(update={"version": 2, "files": {}} | changes))


@pytest.mark.parametrize("name", ["classifier", "grader"])
def test_golden_outputs_come_out_again(pristine: Store, name: str) -> None:
    version = pristine.open(name, 1)
    difference = check_golden(version, load(version, precision="f32"))
    assert 0 <= difference < 1e-5
    assert check_golden(version, load(version, runtime="tensorflow")) == 0


def test_another_precision_has_another_tolerance(pristine: Store) -> None:
    version = pristine.open("classifier", 1)
    runtime = load(version)
    assert check_golden(version, runtime) <= (0.05 if runtime.precision == "bf16" else 1e-3)


@pytest.mark.parametrize(("output", "index"), [("probability", 0), ("classes", 0), ("classes", 2)])
def test_a_wrong_golden_output_is_refused(store: Store, output: str, index: int) -> None:
    golden = store.open("classifier", 1).manifest.golden
    values = list(golden[2].outputs[output])
    values[index] += 0.002  # the tolerance is 0.001
    wrong = golden[2].model_copy(update={"outputs": golden[2].outputs | {output: values}})
    version = republish(store, golden=[*golden[:2], wrong, *golden[3:]])
    with pytest.raises(RefusedVersion, match=rf"golden/02\.png: {output} is off by 0\.002, more than the 0\.001"):
        check_golden(version, load(version, precision="f32"))


@pytest.mark.parametrize("outputs", [{"probability": []}, {"probability": [0.1, 0.2]}, {"stage": [0.1]}])
def test_outputs_that_are_not_there_are_refused(store: Store, outputs: dict[str, list[float]]) -> None:
    golden = store.open("classifier", 1).manifest.golden
    version = republish(store, golden=[golden[0].model_copy(update={"outputs": outputs})])
    with pytest.raises(RefusedVersion, match="is off by inf"):
        check_golden(version, load(version, precision="f32"))


def test_other_weights_are_refused(store: Store) -> None:
    """The hashes are right, the answers are another model's."""
    version = store.open("classifier", 1)
    other = add_classifier(store, seed=5)
    with pytest.raises(RefusedVersion, match=r"golden/0\d\.png: \w+ is off by"):
        check_golden(version, load_directory(other.path))


def test_another_picture_is_refused(store: Store) -> None:
    first = store.open("classifier", 1)
    source = first.path.rename(store.root.parent / "source")
    (source / "golden" / "00.png").write_bytes(png(picture(BENIGN)))
    version = publish(store, source, first.manifest.model_copy(update={"files": {}}))
    with pytest.raises(RefusedVersion, match=r"golden/00\.png"):
        check_golden(version, load(version))


def test_a_picture_that_cannot_be_decoded_is_refused(store: Store) -> None:
    first = store.open("classifier", 1)
    source = first.path.rename(store.root.parent / "source")
    (source / "golden" / "00.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    version = publish(store, source, first.manifest.model_copy(update={"files": {}}))
    with pytest.raises(RefusedVersion, match=r"golden/00\.png gives no answer"):
        check_golden(version, load(version))


def test_another_preprocessing_is_refused(store: Store) -> None:
    contract = store.open("classifier", 1).manifest.input.model_copy(update={"preprocessing_version": "0"})
    version = republish(store, input=contract)
    with pytest.raises(RefusedVersion, match="It needs preprocessing 0; here is preprocessing"):
        check_golden(version, load(version))


def test_without_a_tolerance_there_is_nothing_to_hold_it_to(store: Store) -> None:
    runtimes = [r for r in store.open("classifier", 1).manifest.runtimes if r.runtime == "tensorflow"]
    version = republish(store, runtimes=runtimes)
    with pytest.raises(UnvalidatedPrecision, match="No tolerance is stated for openvino in f32"):
        check_golden(version, load_directory(version.path))


def test_painted_pictures_reach_the_model_as_they_were_painted(tmp_path: Path) -> None:
    """The tiny models' answers are chosen by colour, so their PNGs must survive preparation."""
    from dermoscopy.prepare import prepare  # noqa: PLC0415

    assert np.array_equal(prepare(png(picture(BENIGN, 3))).pixels, picture(BENIGN, 3))


def test_every_golden_image_must_give_an_answer(store: Store) -> None:
    """The recorded outputs of the last one come out; what an answer needs beside them does not."""
    golden = store.open("classifier", 1).manifest.golden
    recorded = [one.model_copy(update={"outputs": {"probability": one.outputs["probability"]}}) for one in golden]
    version = republish(store, golden=recorded, classes={"benign": "one", "melanoma": "two"}, diagnoses={})
    with pytest.raises(RefusedVersion, match=r"golden/00\.png gives no answer: The model's classes are not one for"):
        check_golden(version, load(version, precision="f32"))
