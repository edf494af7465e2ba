import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model_store.golden import check_golden
from model_store.manifest import Limit, Manifest
from model_store.runtime import load
from model_store.store import Store, StoredVersion
from tests.training.built import Data, Published
from tests.training.command_line import error_of
from tests.training.quick import hurry
from training import operating_points
from training.card import write_card
from training.cli import main
from training.evaluation import kind_of


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def store(published: Published, tmp_path: Path) -> Store:
    """A copy, so that what is published here is in no other test's store; no threshold asks more of its gate."""
    shutil.copytree(published.store.root, tmp_path / "models")
    copy = Store(tmp_path / "models")
    _refuse_below(copy, 224)
    return copy


@pytest.fixture
def arguments(data: Data, store: Store, tmp_path: Path) -> list[str]:
    return [*data.options, "--store", str(store.root), "--run", str(tmp_path / "run")]


def _again(store: Store, arguments: list[str]) -> StoredVersion:
    assert main(["operating-points", *arguments, "--version", "classifier/1"]) == 0
    return store.open("classifier", 2)


def _rewritten(version: StoredVersion, **changes: object) -> None:
    manifest = Manifest.model_validate(version.manifest.model_dump() | changes)
    (version.path / "manifest.json").write_bytes(manifest.to_bytes())


def _refuse_below(store: Store, side: int) -> None:
    version = store.open("classifier", 1)
    gate = version.manifest.gate
    assert gate is not None
    limit = Limit(issue="too_small", measure="side", least=float(side))
    limits = [limit if one.measure == "side" else one for one in gate.limits]
    _rewritten(version, gate=gate.model_copy(update={"limits": limits}))


def test_the_same_files_with_points_that_every_source_was_asked_for(
    store: Store, arguments: list[str], data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating_points, "LEAST_OF_A_SOURCE", 2)
    base = store.open("classifier", 1)
    before, after = base.manifest, _again(store, arguments).manifest
    kept = {file for file in before.files if not file.startswith("report/")} - {"model_card.md", "LICENSE"}
    assert "saved_model.pb" in kept
    assert {file: after.files[file] for file in kept} == {file: before.files[file] for file in kept}
    assert after.files.keys() == before.files.keys() - {"report/training.png"}
    for what in ("calibration", "golden", "runtimes", "gate", "novelty_quantiles", "input", "intended_use"):
        assert getattr(after, what) == getattr(before, what)
    runtime = load(base, precision="f32")
    for point, wanted in zip(after.operating_points, (0.9, 0.95), strict=True):
        for source in ("ham10000", "isic2017", "melanoma10000"):
            rows = data.split.rows("validation", source, data.table)
            kinds = [kind_of(data.table.labels[row]) for row in rows]
            asked = [row for row, kind in zip(rows, kinds, strict=True) if kind in ("melanoma", "malignant")]
            found = runtime.run(np.ascontiguousarray(data.table.pixels[asked]))["probability"] >= point.threshold
            assert len(asked) < 2 or found.mean() >= wanted


def test_what_is_published_says_where_it_comes_from_and_would_be_served(
    store: Store, arguments: list[str], data: Data
) -> None:
    version, base = _again(store, arguments), store.open("classifier", 1)
    recipe = version.manifest.training.recipe
    assert recipe["operating_points_of"] == f"classifier/1 with digest {base.digest}"
    assert recipe["operating_points_split"] == data.split.digest(data.table)
    assert base.manifest.training.recipe.items() <= recipe.items()
    assert version.manifest.training.sources == base.manifest.training.sources
    loaded = load(version)
    validated = version.manifest.validated(loaded.name, loaded.precision)
    assert validated is not None
    assert check_golden(version, loaded) <= validated.tolerance
    without_files = version.manifest.model_copy(update={"files": {}})
    assert (version.path / "model_card.md").read_text("utf-8") == write_card(without_files)
    assert not any(evaluation.seen_in_training for evaluation in version.manifest.evaluations.values())


def test_figures_are_measured_at_the_new_thresholds(
    published: Published, store: Store, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operating_points, "SENSITIVITIES", (0.5, 0.6))
    manifest = _again(store, arguments).manifest
    assert manifest.default_operating_point == "melanoma_sensitivity_60"
    point = manifest.operating_points[-1]
    found = manifest.evaluations["ham10000"].metrics
    assert found["sensitivity@melanoma_sensitivity_60"].value == point.sensitivity.value
    assert "sensitivity@melanoma_sensitivity_95" not in found
    was = published.classifier.manifest.evaluations["ham10000"].metrics["auc_malignant_vs_benign"]
    assert found["auc_malignant_vs_benign"] == was


def test_a_gate_that_would_let_too_small_images_pass_is_not_kept(
    store: Store, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _refuse_below(store, 2)
    message = error_of(capsys, "operating-points", *arguments)
    assert "pixels cannot be answered, and the version's gate lets them pass" in message
    assert store.versions("classifier") == [1]


def test_a_grader_has_no_operating_point(
    store: Store, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_of(capsys, "operating-points", *arguments, "--version", "grader/1") == "grader/1 is no classifier"


def test_images_of_others_are_said_to_be_perhaps_seen(store: Store, arguments: list[str]) -> None:
    """Which images it was trained on is not known where its split is another."""
    version = store.open("classifier", 1)
    training = version.manifest.training
    _rewritten(version, training=training.model_copy(update={"recipe": training.recipe | {"split": "another"}}))
    manifest = _again(store, arguments).manifest
    assert all(evaluation.seen_in_training for evaluation in manifest.evaluations.values())


def test_nothing_to_choose_on(data: Data, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(data.root / "isic-acral", tmp_path / "data" / "isic-acral")
    elsewhere = ["--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache"), "--store", str(store.root)]
    message = error_of(capsys, "operating-points", *elsewhere, "--run", str(tmp_path / "run"))
    assert message == "no malignant validation images: nothing to choose thresholds on"
    assert json.loads((store.root / "classifier" / "1" / "manifest.json").read_text())["version"] == 1
