"""The whole comparison in small, through the command line, killed on the way by having half of it only."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.training.built import Data
from training import grader, metrics
from training.cli import main
from training.paper import recipe as recipes
from training.paper.compare import chosen_candidates
from training.paper.grading import Graded
from training.paper.recipe import PaperRecipe
from training.paper.result import choose, load_result

ONLY = ["texture-knn", "mobilenet-svm", "mobilenet-frozen", "cnn-scratch", "mobilenet-fine-tuned"]


@pytest.fixture(scope="module")
def compared(
    data: Data, weights_folder: Path, quick: PaperRecipe, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("compared")
    arguments = ["compare", *data.options, "--run", str(folder / "run"), "--weights", str(weights_folder)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "PaperRecipe", lambda: quick)
        patch.setattr(metrics, "REPEATS", 20)
        patch.setattr(grader, "REPEATS", 1)
        assert main([*arguments, "--only", *ONLY[:2]]) == 0
        assert main([*arguments, "--only", *ONLY]) == 0
    return folder / "run", arguments


def test_every_row_is_in_the_table_with_all_its_figures(compared: tuple[Path, list[str]]) -> None:
    text = (compared[0] / "compare.md").read_text()
    rows = [line for line in text.partition("## The paper's grader")[0].splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(ONLY) + 1  # and the paper's own
    assert "|the paper's MobileNet|as the paper reports it||0.921|0.95|0.88|" in text
    for name in ONLY:
        result = load_result(compared[0] / name)
        assert result is not None
        test = result.figures["test"]
        assert test.images == 16
        assert result.figures["test, no copies in training"].images == 15
        assert f"|{result.title}|" in text
        assert f"|{test.loss:.3f}|{test.metrics['accuracy'].value:.3f}|" in text
        assert result.megabytes > 0
        assert result.milliseconds > 0


def test_the_winner_is_the_base_of_a_grader(compared: tuple[Path, list[str]]) -> None:
    winner = choose([result for name in ONLY if (result := load_result(compared[0] / name)) is not None])
    assert winner is not None
    graded = Graded.model_validate_json((compared[0] / winner.name / "grader.json").read_text())
    assert {file.parent.name for file in compared[0].rglob("grader.json")} <= {"mobilenet-svm", winner.name}
    section = (compared[0] / "compare.md").read_text().split(f"## The paper's grader, on {winner.title}\n")[1]
    for name, evaluation in graded.evaluations.items():
        for figure, value in evaluation.metrics.items():
            assert (
                f"|{name}|{evaluation.images}|{figure}|{value.value:.3f} ({value.low:.3f} to {value.high:.3f})|"
                in section
            )


def test_the_plots_are_drawn(compared: tuple[Path, list[str]]) -> None:
    expected = {"roc.png", "predictions.png", *(f"confusion-{name}.png" for name in ONLY)}
    expected |= {f"history-{name}.png" for name in ("mobilenet-frozen", "cnn-scratch", "mobilenet-fine-tuned")}
    assert {file.name for file in compared[0].glob("*.png")} == expected
    for name in expected:
        with Image.open(compared[0] / name) as plot:
            assert plot.width > 300


def test_the_choice_is_by_validation_and_never_from_random_weights(compared: tuple[Path, list[str]]) -> None:
    results = [result for name in ONLY if (result := load_result(compared[0] / name)) is not None]
    chosen = choose(results)
    assert chosen is not None
    assert chosen.kind in ("frozen", "fine-tuned", "svm")
    better = [result.model_copy(update={"figures": {"validation": _certain(result.figures["validation"])}})
              for result in results if result.kind in ("scratch", "knn")]  # fmt: skip
    assert choose([*results, *better]) == chosen
    assert choose(better) is None


def _certain(figures: object) -> object:
    copied = figures.model_copy(deep=True)  # type: ignore[attr-defined]
    copied.metrics["auc"] = copied.metrics["auc"].model_copy(update={"value": 1.0, "high": 1.0})
    return copied


def test_what_is_done_is_not_done_again(
    compared: tuple[Path, list[str]], quick: PaperRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "PaperRecipe", lambda: quick)
    before = {file: file.stat().st_mtime_ns for file in compared[0].rglob("result.json")}
    assert main([*compared[1], "--only", *ONLY]) == 0
    assert {file: file.stat().st_mtime_ns for file in compared[0].rglob("result.json")} == before


def test_features_that_are_there_are_not_computed_again(
    compared: tuple[Path, list[str]], quick: PaperRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "PaperRecipe", lambda: quick)
    monkeypatch.setattr(metrics, "REPEATS", 20)
    arguments = [str(tmp_path / "run") if value == str(compared[0]) else value for value in compared[1]]
    shutil.copytree(compared[0] / "features", tmp_path / "run" / "features")
    files = sorted((tmp_path / "run" / "features").iterdir())
    assert [file.name for file in files] == ["mobilenet-frozen-training.npy", "mobilenet-frozen-validation.npy"]
    before = [file.stat().st_mtime_ns for file in files]
    assert main([*arguments, "--only", "mobilenet-frozen"]) == 0
    assert [file.stat().st_mtime_ns for file in files] == before
    assert load_result(tmp_path / "run" / "mobilenet-frozen") is not None


def test_another_recipe_in_the_same_folder_is_refused(
    compared: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*compared[1], "--only", "texture-knn"]) == 1  # the real recipe
    assert "holds a run with another recipe; name another folder with --run" in capsys.readouterr().err
    assert json.loads((compared[0] / "recipe.json").read_text())["side"] == 64


@pytest.mark.parametrize("what", ["labels", "pixels"])
def test_a_comparison_of_other_labels_or_pictures_is_not_taken_up(
    compared: tuple[Path, list[str]],
    quick: PaperRecipe,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Rows that are done would stand beside rows of something else, in one table."""
    monkeypatch.setattr(recipes, "PaperRecipe", lambda: quick)
    file = compared[0] / "dataset.json"
    before = file.read_text()
    file.write_text(before.replace(f'"{what}": "', f'"{what}": "0'))
    try:
        assert main([*compared[1], "--only", *ONLY]) == 1
    finally:
        file.write_text(before)
    assert "holds a run with another dataset; name another folder with --run" in capsys.readouterr().err


def test_test_images_that_came_or_went_are_another_comparison(
    compared: tuple[Path, list[str]], data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data.root / "melanoma10000", tmp_path / "data" / "melanoma10000")
    next((tmp_path / "data").rglob("test/benign/*.jpg")).unlink()
    (tmp_path / "run").mkdir()
    shutil.copy(compared[0] / "split.json", tmp_path / "run")
    arguments = ["--run", str(tmp_path / "run"), "--data", str(tmp_path / "data"), "--cache", str(tmp_path / "cache")]
    assert main([*compared[1], *arguments, "--only", "texture-knn"]) == 1
    assert "holds a run with another split" in capsys.readouterr().err


def test_a_folder_of_weights_that_is_not_there_is_no_random_weights(
    compared: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*compared[1], "--weights", str(tmp_path / "nowhere")]) == 1
    told = f"no folder of weights at {tmp_path}/nowhere: --weights takes a folder, or imagenet"
    assert told in capsys.readouterr().err


def test_a_row_that_there_is_not(compared: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*compared[1], "--only", "nothing"]) == 1
    assert "there is no candidate 'nothing'; there are texture-knn, " in capsys.readouterr().err


def test_names_choose(weights_folder: Path) -> None:
    assert [row.name for row in chosen_candidates(str(weights_folder), ["cnn-scratch"])] == ["cnn-scratch"]
    joined = [row.name for row in chosen_candidates(str(weights_folder), ["vgg16-mobilenet-joined"])]
    assert joined == ["vgg16-scratch", "mobilenet-scratch", "vgg16-mobilenet-joined"]
    assert len(chosen_candidates(str(weights_folder), [])) == 15


def test_the_command_says_where_everything_is(
    compared: tuple[Path, list[str]],
    quick: PaperRecipe,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(recipes, "PaperRecipe", lambda: quick)
    assert main([*compared[1], "--only", "texture-knn"]) == 0
    assert f"plots and every figure: {compared[0]}" in capsys.readouterr().out
