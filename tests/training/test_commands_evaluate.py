"""What `python -m training evaluate` prints; test_commands.py has the commands that make a version."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from model_store.publish import publish
from model_store.runtime import load
from model_store.store import Store
from tests.training.built import Data, Published
from tests.training.command_line import error_of
from tests.training.quick import hurry
from training.cli import main


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def _figures(printed: str) -> dict[tuple[str, str], float]:
    """(set, metric) -> value of what `evaluate` prints."""
    found, name = {}, ""
    for line in printed.splitlines():
        if metric := re.fullmatch(r"  (\S+) +([0-9.]+)  \([0-9.]+ to [0-9.]+\)", line):
            found[name, metric[1]] = float(metric[2])
        elif ": " in line:
            name = line.partition(":")[0]
    return found


def _file(data: Data, name: str) -> Path:
    return data.table.images[data.row(name)].path


@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
def test_every_runtime_finds_the_figures_of_the_manifest_again(
    published: Published, runtime: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *published.options, "--runtime", runtime, "--precision", "f32"]) == 0
    captured = capsys.readouterr()
    assert "warning" not in captured.err  # the images have the roles that they had in training
    expected = {
        (name, metric): measured.value
        for name, evaluation in published.classifier.manifest.evaluations.items()
        for metric, measured in evaluation.metrics.items()
    }
    assert len(expected) > 30
    found = _figures(captured.out)
    assert found.keys() == expected.keys()
    if runtime == "openvino":
        assert found == pytest.approx(expected, abs=1e-4)
    else:
        # Which places come first is decided by differences that are smaller than those between the runtimes; and of a
        # few images, one that lies at a threshold may fall on its other side, with every figure that counts it.
        same = [figure for figure in expected if figure[0] != "explanation"]
        others = [figure for figure in same if found[figure] != pytest.approx(expected[figure], abs=2e-3)]
        assert len(others) <= len(same) / 10, others
    for evaluation in published.classifier.manifest.evaluations.values():
        assert f"{evaluation.images} images of {evaluation.groups} lesions" in captured.out


def test_both_runtimes_answer_alike(published: Published, data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(_file(data, name)) for name in ("fullres/ISIC_0090000", "isic-acral/ISIC_0050003")]
    answers = []
    for runtime in ("openvino", "tensorflow"):
        assert main(["evaluate", *published.options, "--runtime", runtime, "--precision", "f32", *files]) == 0
        answers.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    tolerance = published.classifier.manifest.validated("openvino", "f32")
    assert tolerance is not None
    for mine, theirs in zip(*answers, strict=True):
        assert mine["probability"] == pytest.approx(theirs["probability"], abs=tolerance.tolerance)
        assert mine["decision"] == theirs["decision"]


def test_files_get_the_answers_of_the_model(
    published: Published, data: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(range(0, len(data.table.images), len(data.table.images) // 10))
    files = [str(data.table.images[row].path) for row in rows]
    assert main(["evaluate", *published.options, "--precision", "f32", *files]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["file"] for answer in answers] == files
    outputs = load(published.classifier, precision="f32").run(np.ascontiguousarray(data.table.pixels[rows]))
    answered = [(one, float(p)) for one, p in zip(answers, outputs["probability"], strict=True) if not one["issues"]]
    assert answered
    for answer, probability in answered:
        assert answer["probability"] == probability
        assert list(answer["classes"]) == ["melanoma", "other_malignant", "benign"]
        assert answer["decision"] in {"benign", "malignant"}
    assert all(one["probability"] is None and one["decision"] == "abstained" for one in answers if one["issues"])


def test_files_are_graded(published: Published, data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(_file(data, "melanoma-severity/ISIC_0070000"))
    assert main(["evaluate", *published.options, "--version", "grader/1", file]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["stage"] in {1, 2, 3}
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)


def test_a_grader_is_not_measured_on_test_sets(published: Published, capsys: pytest.CaptureFixture[str]) -> None:
    message = error_of(capsys, "evaluate", *published.options, "--version", "grader/1")
    assert message == "a grader is measured by cross-validation when it is trained; see its model card"


def test_a_file_that_is_no_image_is_named(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    message = error_of(capsys, "evaluate", *published.options, str(tmp_path / "text.jpg"))
    assert message.startswith(f"{tmp_path / 'text.jpg'} cannot be read: ")
    assert "No such file" in error_of(capsys, "evaluate", *published.options, str(tmp_path / "gone.jpg"))


def test_figures_of_what_a_version_saw_in_training_come_with_a_warning(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = published.classifier.manifest
    evaluations = {
        name: evaluation.model_copy(update={"seen_in_training": name in ("ham10000", "isic-acral")})
        for name, evaluation in manifest.evaluations.items()
    }
    store = Store(tmp_path / "models")
    publish(store, published.classifier.path, manifest.model_copy(update={"evaluations": evaluations, "files": {}}))
    assert main(["evaluate", *published.options, "--store", str(store.root)]) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    learned = "the version may have learned from images of ham10000, isic-acral"
    assert warnings == [f"warning: {learned}: their figures flatter it"]


def test_other_images_are_not_quietly_called_held_out(
    published: Published, data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in ("ham10000", "isic-acral"):
        shutil.copytree(data.root / source, tmp_path / "data" / source)
    shutil.copytree(data.root / "isic2017", tmp_path / "data" / "a_clinic")  # training knew nothing of it
    arguments = [*published.options, "--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    assert main(["evaluate", *arguments]) == 0
    captured = capsys.readouterr()
    assert "passed over, as they have no part in this version: a_clinic" in captured.err
    assert "some of its images may have been trained on" in captured.err
    assert {name for name, _ in _figures(captured.out)} >= {"ham10000", "isic-acral"}
