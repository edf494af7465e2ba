import json
from pathlib import Path

import keras
import numpy as np
import pytest

from model_store.store import StoredVersion
from tests.training.built import Data, Published
from tests.training.command_line import error_of
from tests.training.layouts.written import picture
from training import release
from training.accelerator.learned import weights_of
from training.accelerator.unpack import unpack
from training.cli import main
from training.outside import SOURCES, leave_out
from training.sources import read_sources
from training.splits import split
from training.table import build_table
from training.work import Work

SOURCES_TOLD = ["ham10000:0.5", "isic2017:0.1", "melanoma10000:0.4"]


def _learned(file: Path, network: keras.Model, split: str, dataset: dict[str, str] | None = None) -> Path:
    described = {
        "base": "none", "sources": SOURCES_TOLD, "split": split, "device": "a device",
        "recipe": {"epochs": 3, "batch": 128}, "dataset": dataset,
    }  # fmt: skip
    arrays = {f"weight-{number}": values for number, values in enumerate(weights_of(network))}
    history = [{"epoch": 0, "loss": 0.5, "validation_auc": 0.9}]
    np.savez(file, described=json.dumps(described), history=json.dumps(history), **arrays)  # type: ignore[arg-type]
    return file


def test_a_pack_is_written(data: Data, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pack"
    assert main(["pack", *data.options, "--weights", str(weights), "--out", str(out)]) == 0
    pack = unpack(out)
    names = ["classifier", *(f"without-{source}" for source in SOURCES)]
    assert [job.name for job in pack.jobs] == names
    assert pack.jobs[0].described["split"] == data.split.digest(data.table)
    assert "random.weights.h5 (sha256 " in pack.jobs[0].described["base"]
    for job, source in zip(pack.jobs[1:], SOURCES, strict=True):
        assert job.described["split"] == leave_out(data.table, source, SOURCES).digest(data.table)
        assert source not in str(job.described["sources"])
    printed = capsys.readouterr().out
    assert f"{len(pack.pixels)} images for {', '.join(names)}" in printed
    assert "python -m training.accelerator pack learned" in printed


def test_a_source_without_a_share_is_not_packed(
    data: Data, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor read when what was learned is published: its images would have roles here that they do not have there."""
    picture(tmp_path / "data" / "clinic" / "melanoma" / "a.png")
    (tmp_path / "data" / "ham10000").symlink_to(data.root / "ham10000")
    options = ["--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache"), "--weights", str(weights)]
    assert main(["pack", *options, "--sources", "ham10000:1", "--out", str(tmp_path / "pack")]) == 0
    assert "passed over, as they have no part in this version: clinic" in capsys.readouterr().err
    (job,) = unpack(tmp_path / "pack").jobs
    images = [image for image in read_sources(tmp_path / "data") if image.source == "ham10000"]
    table = build_table(images, tmp_path / "cache")
    assert job.described["split"] == split(table).digest(table)


def test_a_source_of_which_nothing_can_be_learned_is_not_packed(
    data: Data, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pack"
    options = ["--weights", str(weights), "--out", str(out), "--sources", "ham10000:1,isic-acral:1"]
    said = error_of(capsys, "pack", *data.options, *options)
    assert said == "no image of isic-acral can be learned from; its images: external 25"
    assert not out.exists()


def test_what_was_learned_is_released(
    published: Published, network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own description, and without any further step."""
    released: list[tuple[list[np.ndarray], Work]] = []

    def release_classifier(network: keras.Model, work: Work, _: object) -> StoredVersion:
        released.append((weights_of(network), work))
        return published.classifier

    monkeypatch.setattr(release, "release_classifier", release_classifier)
    split = str(published.classifier.manifest.training.recipe["split"])
    file = _learned(tmp_path / "a.npz", network, split, _dataset(published))
    arguments = ["--run", str(tmp_path / "run"), "--learned", str(file), "--prevalence", "0.3"]
    assert main(["classifier", *published.options, *arguments]) == 0
    ((weights, work),) = released
    assert all(np.array_equal(*pair) for pair in zip(weights, weights_of(network), strict=True))
    assert work.recipe == {
        "epochs": 3, "batch": 128, "base": "none", "sources": SOURCES_TOLD, "split": split,
        "device": "a device", "prevalence": 0.3,
    }  # fmt: skip
    assert json.loads((tmp_path / "run" / "history.jsonl").read_text())["validation_auc"] == 0.9
    assert json.loads((tmp_path / "run" / "dataset.json").read_text()) == _dataset(published)


def _dataset(published: Published) -> dict[str, str]:
    """What stands for labels and pixels of the painted data."""
    return dict(json.loads((published.run / "dataset.json").read_text()))


@pytest.mark.parametrize("what", ["labels", "pixels", None])
def test_what_learned_from_other_labels_or_pictures_is_not_released(
    published: Published, network: keras.Model, what: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or what does not say from which: names and roles are the same."""
    split = str(published.classifier.manifest.training.recipe["split"])
    dataset = None if what is None else _dataset(published) | {what: "0123456789abcdef"}
    file = _learned(tmp_path / "a.npz", network, split, dataset)
    message = error_of(capsys, "classifier", *published.options, "--run", str(tmp_path / "run"), "--learned", str(file))
    assert message.startswith(f"{file} was learned from other images, or labels were corrected or pictures exchanged")
    assert not (tmp_path / "run").exists()


def test_the_folder_of_another_run_is_not_written_into(
    published: Published, network: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its history would be that of two."""
    before = (published.run / "history.jsonl").read_text()
    split = str(published.classifier.manifest.training.recipe["split"])
    file = _learned(tmp_path / "a.npz", network, split, _dataset(published))
    arguments = [*published.options, "--run", str(published.run), "--learned", str(file)]
    assert error_of(capsys, "classifier", *arguments).startswith(f"{published.run} holds a run with another recipe")
    assert (published.run / "history.jsonl").read_text() == before


def test_what_is_learned_already_is_not_learned_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that changes nothing is not passed over in silence."""
    store = ["--store", str(tmp_path / "models")]
    said = error_of(capsys, "classifier", *store, "--learned", "a.npz", "--sources", "my-clinic:1", "--seed", "5")
    assert said == "--sources and --seed would change nothing of what --learned names: leave it out"
    said = error_of(capsys, "outside", "--learned", str(tmp_path), "--option", "hair-removal")
    assert said == "--option would change nothing of what --learned names: leave it out"


def test_what_may_have_seen_the_test_images_is_not(
    published: Published, network: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _learned(tmp_path / "a.npz", network, "another")
    assert main(["classifier", *published.options, "--run", str(tmp_path), "--learned", str(file)]) == 1
    assert f"error: {file} was learned with other roles of the images: pack these images" in capsys.readouterr().err


def test_what_was_learned_without_a_source_is_measured_on_it(
    data: Data, network: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "isic-acral"
    roles = leave_out(data.table, source, SOURCES)
    _learned(tmp_path / f"without-{source}.npz", network, roles.digest(data.table), roles.contents(data.table))
    assert main(["outside", *data.options, "--learned", str(tmp_path), "--only", source]) == 0
    assert f"|{source}|" in capsys.readouterr().out
    assert main(["outside", *data.options, "--learned", str(tmp_path), "--only", "ham10000"]) == 1
    assert "without-ham10000.npz" in capsys.readouterr().err
