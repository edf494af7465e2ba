import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from model_store.labels import Labels
from model_store.store import StoredVersion
from tests.running_service import ROOT
from tests.training.built import Data, Published
from tests.training.command_line import error_of
from tests.training.layouts.written import picture
from tests.training.quick import hurry
from training import release
from training.cli import main
from training.commands import _recipes
from training.export import load_published
from training.network import build_network
from training.runs import alone_in
from training.work import Work


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


# -- classifier


def test_a_killed_process_is_taken_up_by_the_same_command(published: Published) -> None:
    (first,) = map(json.loads, published.killed.splitlines())
    assert first["epoch"] == 0
    history = (published.run / "history.jsonl").read_text()
    assert history.startswith(published.killed)
    assert [json.loads(line)["epoch"] for line in history.splitlines()] == [0, 1]


def test_what_was_published_is_announced(published: Published) -> None:
    digest = published.classifier.digest[:12]
    assert f"published classifier/1, digest {digest}, at {published.classifier.path}" in published.output
    assert "no label was moved; to serve it by default: python -m model_store label classifier stable 1" in (
        published.output
    )
    assert "label stable of grader moved to version 1" in published.output
    labels = Labels(published.store, published.state)
    assert labels.all("grader")["stable"].digest == published.grader.digest
    assert labels.all("classifier") == {}


def test_another_recipe_in_the_same_folder_is_refused(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    before = (published.run / "recipe.json").read_text()
    message = error_of(capsys, *published.command, "--seed", "7")
    assert message.startswith(f"{published.run} holds a run with another recipe; name another folder with --run")
    assert (published.run / "recipe.json").read_text() == before
    assert published.store.versions("classifier") == [1]


def test_another_split_in_the_same_folder_is_refused(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Images came or went since the run began: what was trained on may be held out now."""
    shutil.copy(published.run / "recipe.json", tmp_path)
    (tmp_path / "split.json").write_text('{"digest": "of other images"}\n')
    message = error_of(capsys, *published.command, "--run", str(tmp_path))
    assert message.startswith(f"{tmp_path} holds a run with another split")
    assert not list(tmp_path.glob("ckpt*"))


@pytest.mark.parametrize("what", ["labels", "pixels"])
def test_a_run_on_other_labels_or_pictures_is_not_taken_up(
    published: Published, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else shows that they were corrected since: names and roles are the same."""
    for name in ("recipe", "split", "dataset"):
        shutil.copy(published.run / f"{name}.json", tmp_path)
    begun = json.loads((tmp_path / "dataset.json").read_text())
    (tmp_path / "dataset.json").write_text(json.dumps(begun | {what: "0123456789abcdef"}, indent=2) + "\n")
    message = error_of(capsys, *published.command, "--run", str(tmp_path))
    assert message.startswith(f"{tmp_path} holds a run with another dataset; name another folder with --run")
    assert not list(tmp_path.glob("ckpt*"))


def test_sources_without_a_share_take_no_part(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text("{}")  # of some other run, so that this one stops before it trains
    arguments = [*published.command, "--run", str(tmp_path), "--sources", "ham10000:1"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "passed over, as they have no part in this version: isic2017, melanoma10000" in error
    assert "another recipe" in error


def test_a_source_that_is_not_there(data: Data, published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(capsys, *published.command, "--sources", "ham10000:1,clinic:2")
    assert message == (
        f"there is no source clinic in {data.root}; "
        "there is: fullres, ham10000, isic-acral, isic2017, melanoma-severity, melanoma10000"
    )


def test_a_source_that_is_not_there_beside_none_that_has_a_part(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("melanoma", "nevus"):
        picture(tmp_path / "data" / "clinic" / kind / f"{kind}.png")
    elsewhere = ["--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    message = error_of(capsys, *published.command, *elsewhere, "--sources", "foo:1")
    assert message == f"there is no source foo in {tmp_path / 'data'}; there is: clinic"
    assert not (tmp_path / "cache").exists()


def test_too_little_data_is_refused_before_training(
    data: Data, published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data.root / "isic2017", tmp_path / "data" / "isic2017")
    arguments = [*published.command, "--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    message = error_of(capsys, *arguments, "--run", str(tmp_path / "run"), "--sources", "isic2017:1")
    assert "training images are too few" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["classifier", "grader"])
def test_a_label_that_cannot_be_moved(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told before anything is trained or published."""
    message = error_of(capsys, command, "--store", str(tmp_path / "models"), "--label", "Stable")
    assert message == "'Stable' cannot be a label: use lower-case letters, digits, '-' and '_'"


@pytest.mark.parametrize("command", ["classifier", "grader"])
def test_a_store_that_cannot_be_written(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    message = error_of(capsys, command, "--store", str(tmp_path / "file" / "models"), "--run", str(tmp_path / "run"))
    assert re.fullmatch(r"the store \S+ cannot be written: .+", message)
    assert not (tmp_path / "run").exists()


def test_trying_the_store_leaves_nothing_behind(published: Published) -> None:
    assert sorted(path.name for path in published.store.root.iterdir()) == ["classifier", "grader"]


def test_weights_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = str(tmp_path / "none.weights.h5")
    message = error_of(capsys, "classifier", "--store", str(tmp_path / "models"), "--weights", wrong)
    assert message == f"no weights at {wrong}: --weights takes a path, imagenet or none"


def test_a_file_that_holds_no_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.weights.h5").write_bytes(b"no HDF5")
    arguments = ["--store", str(tmp_path / "models"), "--weights", str(tmp_path / "odd.weights.h5")]
    assert "file signature not found" in error_of(capsys, "classifier", *arguments)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("classifier", "'classifier' is no version: write it as classifier/1, or name a version's folder"),
        ("classifier/one", "'classifier/one' is no version: write it as classifier/1, or name a version's folder"),
        ("classifier/9", "The store has no version 9 of classifier."),
        ("network/1", "The store has no model 'network'."),
    ],
)
def test_a_version_that_is_not_there(
    published: Published, name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--run", str(tmp_path / "run")]
    assert error_of(capsys, "classifier", *published.options, *run, "--from", name) == message
    assert error_of(capsys, "grader", *published.options, *run, "--classifier", name) == message
    assert error_of(capsys, "evaluate", *published.options, "--version", name) == message


def test_going_on_from_something_that_is_no_classifier(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(capsys, "classifier", *published.options, "--run", str(tmp_path / "run"), "--from", "grader/1")
    assert message == f"{published.grader.path} does not hold the weights of this network"


def test_what_a_run_goes_on_from_is_recorded(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its digest, and with the recipe that it was made by itself; named by the folder of another store."""
    (tmp_path / "split.json").write_text("of another split")  # stops it before it trains
    arguments = ["--from", str(published.classifier.path), "--run", str(tmp_path), "--phases", "48:1"]
    assert "another split" in error_of(capsys, "classifier", *published.options, *arguments)
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    assert recipe["base"] == f"classifier with digest {published.classifier.digest}"
    assert [json.loads(before) for before in recipe["recipes_before"]] == [
        published.classifier.manifest.training.recipe
    ]
    assert recipe["warmup_steps"] == 0  # the head is trained already


def test_the_recipes_of_all_that_a_version_goes_back_to_are_listed() -> None:
    """Those of versions that have them one inside the other, too."""
    first, second, third = ({"seed": number} for number in range(3))
    nested = {**third, "recipe_of_base": json.dumps({**second, "recipe_of_base": json.dumps(first)})}
    listed = {**third, "recipes_before": [json.dumps(second), json.dumps(first)]}
    for recipe in (nested, listed):
        assert [json.loads(one) for one in _recipes(recipe)] == [third, second, first]


def test_weights_are_released_as_they_are_after_no_epoch(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = []

    def release_classifier(network: keras.Model, *_: object) -> StoredVersion:
        released.extend(network.get_weights())
        return published.classifier

    monkeypatch.setattr(release, "release_classifier", release_classifier)
    arguments = ["--from", str(published.classifier.path), "--run", str(tmp_path), "--phases", "48:0"]
    assert main(["classifier", *published.options, *arguments]) == 0
    expected = build_network("none")
    load_published(expected, published.classifier.path)
    assert all(np.array_equal(*pair) for pair in zip(released, expected.get_weights(), strict=True))


def test_photographs_that_the_gate_learns_from_are_recorded_and_may_come_last(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, recipes = tmp_path / "holidays", []

    def release_classifier(_network: keras.Model, work: Work, *_: object) -> StoredVersion:
        recipes.append(work.recipe)
        return published.classifier

    monkeypatch.setattr(release, "release_classifier", release_classifier)
    (folder / "beach").mkdir(parents=True)
    arguments = ["--from", str(published.classifier.path), "--run", str(tmp_path / "run"), "--phases", "48:0"]
    with_photographs = [*arguments, "--photographs", str(folder)]
    assert "no photographs" in error_of(capsys, "classifier", *published.options, *with_photographs)
    shutil.copy(ROOT / "docs" / "images" / "sample.png", folder / "beach" / "sea.png")
    assert main(["classifier", *published.options, *arguments]) == 0
    assert main(["classifier", *published.options, *with_photographs]) == 0  # the same run
    assert "photographs" not in recipes[0]
    assert re.fullmatch(r"1 files of holidays, beach \(sha256 [0-9a-f]{12}\)", str(recipes[1]["photographs"]))


def test_no_epoch_needs_weights(published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--weights", "none", "--run", str(tmp_path), "--phases", "48:0"]
    assert error_of(capsys, "classifier", *published.options, *arguments).startswith("no epoch is left: without --from")


def test_a_run_in_whose_folder_another_process_works_is_not_touched(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone_in(published.run):
        message = error_of(capsys, *published.command)
    assert message.startswith(f"another process is working in {published.run}; wait for it, or name another folder")
    assert published.store.versions("classifier") == [1]


# -- grader


def test_a_grader_stands_beside_its_classifier(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(tmp_path / "elsewhere")
    arguments = ["--store", store, "--run", str(tmp_path / "run"), "--classifier", str(published.classifier.path)]
    assert "is served beside its classifier" in error_of(capsys, "grader", *arguments)


def test_a_grader_needs_grades(
    data: Data, published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data.root / "fullres", tmp_path / "data" / "fullres")
    arguments = [*published.options, "--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    message = error_of(capsys, "grader", *arguments, "--run", str(tmp_path / "run"))
    assert message.startswith("the grader needs images of all three grades in melanoma-severity/")
    assert published.store.versions("grader") == [1]
