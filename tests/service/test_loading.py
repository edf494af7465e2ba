from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.compiled import CompiledModels
from model_store.errors import RefusedForNow, RefusedVersion
from model_store.golden import check_golden
from model_store.manifest import Golden, OperatingPoint, ValidatedRuntime
from model_store.openvino_streams import made_for
from model_store.runtime import Runtime
from model_store.runtime_openvino import computes_bf16
from model_store.store import Store, StoredVersion
from service import loading, log
from service.loading import COMPILED, load_and_try
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
    with pytest.raises(RefusedVersion, match=r"golden/00\.png gives no answer"):
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


@pytest.mark.parametrize("error", [OSError("Too many open files"), MemoryError(), ValueError()])
def test_what_may_pass_is_refused_for_now(
    first: StoredVersion, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def check(*_: object) -> float:
        raise error

    monkeypatch.setattr(loading, "check_golden", check)
    with pytest.raises(RefusedVersion, match="It cannot be loaded") as refused:
        load(first)
    assert isinstance(refused.value, RefusedForNow) == (not isinstance(error, ValueError))


def test_operating_points_are_the_manifest_s(store: Path, first: StoredVersion) -> None:
    figure = first.manifest.operating_points[0].sensitivity
    point = OperatingPoint(
        name="only", rule="r", threshold=0.5, sensitivity=figure, specificity=figure, chosen_on="c", measured_on="m"
    )
    added = add_classifier(Store(store), operating_points=[point], default_operating_point="only")
    assert load(added) in {"f32", "bf16"}


@pytest.mark.skipif(not computes_bf16(), reason="this processor does not compute bf16")
@pytest.mark.parametrize("emulated", [True, False])
def test_bf16_gives_way_to_f32_where_it_does_not_prove_itself(
    store: Path, first: StoredVersion, emulated: bool
) -> None:
    records = [record for record in first.manifest.runtimes if record.precision == "f32"]
    validated = {"images": 1, "mean_difference": 0, "largest_difference": 0, "tolerance": 1e-9, "emulated": emulated}
    bf16 = ValidatedRuntime.model_validate({"runtime": "openvino", "precision": "bf16", **validated})
    version = add_classifier(Store(store), runtimes=[*records, bf16])
    assert load(version) == "f32"


def test_a_compiled_model_that_answers_wrongly_is_made_again(
    store: Path, first: StoredVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its golden images find it, whatever the checksum says; the version itself is sound and is served."""
    events: list[tuple[str, str]] = []
    monkeypatch.setattr(log, "event", lambda name, **fields: events.append((name, fields["reason"])))
    settings = Settings(store=store, state=tmp_path, precision="f32", threads=2)
    made, folder = made_for("f32"), tmp_path / COMPILED
    another = Store(store).open("classifier", 2)
    load_and_try(another, settings)[0].keep_compiled()
    wrong = CompiledModels(folder, another.digest).read(made)
    assert wrong is not None
    CompiledModels(folder, first.digest).write(made, wrong)

    sound, sample = load_and_try(first, settings)
    sound.keep_compiled()
    ((name, reason),) = events
    assert name == "compiled_not_used"
    assert "is off by" in reason
    again, _ = load_and_try(first, settings)
    assert len(events) == 1
    for output, values in again.run(sample[np.newaxis]).items():
        np.testing.assert_array_equal(values, sound.run(sample[np.newaxis])[output], output)


def test_a_version_that_is_refused_is_not_tried_twice(
    store: Path, first: StoredVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def count(stored: StoredVersion, runtime: Runtime) -> float:
        tried.append(runtime)
        return check_golden(stored, runtime)

    monkeypatch.setattr(loading, "check_golden", count)
    wrong = add_classifier(Store(store), golden=golden(first, probability=[0.123]))
    with pytest.raises(RefusedVersion):
        load_and_try(wrong, Settings(store=store, state=tmp_path, precision="f32"))
    assert len(tried) == 1
