from pathlib import Path
from typing import Any

import pytest

from model_store.errors import RefusedVersion
from model_store.manifest import Golden, OperatingPoint, ValidatedRuntime
from model_store.runtime_openvino import computes_bf16
from model_store.store import Store, StoredVersion
from service.loading import load_and_try
from service.settings import Settings
from tests.tiny_models import add_classifier


def load(stored: StoredVersion, **settings: Any) -> str:
    return load_and_try(stored, Settings(store=stored.path, **settings))[0].precision


def golden(stored: StoredVersion, **outputs: list[float]) -> list[Golden]:
    return [Golden(file=stored.manifest.golden[0].file, outputs=outputs)]


@pytest.fixture
def first(store: Path) -> StoredVersion:
    return Store(store).open("classifier", 1)


def test_a_sound_version_loads_in_a_validated_precision(first: StoredVersion) -> None:
    assert load(first) in {"f32", "bf16"}
    assert load(first, precision="f32") == "f32"


def test_tensorflow_runs_it_too(first: StoredVersion) -> None:
    assert load(first, runtime="tensorflow") == "f32"


def test_golden_outputs_that_do_not_come_out_again_refuse_it(store: Path, first: StoredVersion) -> None:
    wrong = add_classifier(Store(store), golden=golden(first, probability=[0.123]))
    with pytest.raises(RefusedVersion, match=r"golden/00\.png: probability is off by"):
        load(wrong)


def test_an_output_that_golden_images_record_and_the_model_lacks_refuses_it(store: Path, first: StoredVersion) -> None:
    wrong = add_classifier(Store(store), golden=golden(first, thickness=[1.0]))
    with pytest.raises(RefusedVersion, match="thickness"):
        load(wrong)


def test_a_model_whose_classes_are_not_those_of_its_manifest_refuses_it(store: Path, first: StoredVersion) -> None:
    """The golden outputs come out right; an answer still cannot be made of them."""
    probability = first.manifest.golden[0].outputs["probability"]
    wrong = add_classifier(
        Store(store),
        classes={"melanoma": "m", "benign": "b"},
        diagnoses={},
        golden=golden(first, probability=probability),
    )
    with pytest.raises(RefusedVersion, match="A golden image gives no answer"):
        load(wrong)


def test_another_task_under_the_name_refuses_it(store: Path, first: StoredVersion) -> None:
    pinned = {"name": "classifier", "version": 1, "digest": first.digest}
    wrong = add_classifier(
        Store(store), task="grading", classes={"1": "a", "2": "b", "3": "c"}, diagnoses={}, classifier=pinned,
        operating_points=[], default_operating_point=None,
    )  # fmt: skip
    with pytest.raises(RefusedVersion, match="Its task is grading"):
        load(wrong)


def test_a_runtime_that_nobody_validated_refuses_it(store: Path) -> None:
    unvalidated = add_classifier(Store(store), runtimes=[])
    with pytest.raises(RefusedVersion, match="not validated"):
        load(unvalidated)


def test_another_preprocessing_refuses_it(store: Path) -> None:
    other = add_classifier(Store(store), input={"preprocessing_version": "0"})
    with pytest.raises(RefusedVersion, match="preprocessing 0"):
        load(other)


def test_files_that_verify_and_are_no_model_refuse_it(store: Path, first: StoredVersion) -> None:
    """Whatever the runtime raises; the files' hashes are right here, because they are not checked again."""
    (first.path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(RefusedVersion):
        load(first)


def test_operating_points_are_the_manifest_s(store: Path, first: StoredVersion) -> None:
    figure = first.manifest.operating_points[0].sensitivity
    point = OperatingPoint(
        name="only", rule="r", threshold=0.5, sensitivity=figure, specificity=figure, chosen_on="c", measured_on="m"
    )
    added = add_classifier(Store(store), operating_points=[point], default_operating_point="only")
    assert load(added) in {"f32", "bf16"}


@pytest.mark.skipif(not computes_bf16(), reason="this processor does not compute bf16")
@pytest.mark.parametrize("emulated", [True, False])
def test_a_precision_that_was_only_emulated_gives_way_where_it_does_not_prove_itself(
    store: Path, first: StoredVersion, emulated: bool
) -> None:
    records = [record for record in first.manifest.runtimes if record.precision == "f32"]
    validated = {"images": 1, "mean_difference": 0, "largest_difference": 0, "tolerance": 1e-9, "emulated": emulated}
    bf16 = ValidatedRuntime.model_validate({"runtime": "openvino", "precision": "bf16", **validated})
    version = add_classifier(Store(store), runtimes=[*records, bf16])
    if emulated:
        assert load(version) == "f32"
    else:
        with pytest.raises(RefusedVersion, match="is off by"):
            load(version)
