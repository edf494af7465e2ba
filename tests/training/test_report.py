import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model_store.manifest import Evaluation, Measured
from tests.training.built import Published
from training import report
from training.evaluation import Evaluated


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of every figure that is drawn, as they were when it was saved."""
    seen: list[Any] = []
    original = report.save_figure

    def keep(figure: Any, path: Path) -> None:
        seen.extend(figure.axes)
        original(figure, path)

    monkeypatch.setattr(report, "save_figure", keep)
    return seen


def _evaluated(malignant: NDArray[np.bool_], probability: NDArray[np.float64]) -> Evaluated:
    count = len(malignant)
    kinds = np.where(malignant, "malignant", "benign")
    return Evaluated(
        "x", kinds, probability, probability, np.arange(count), np.ones(count, bool), np.array([""] * count)
    )


def _calibrated(count: int, seed: int = 0) -> Evaluated:
    random = np.random.default_rng(seed)
    probability = random.uniform(0, 1, count)
    return _evaluated(random.uniform(0, 1, count) < probability, probability)


def _is_picture(path: Path) -> bool:
    with Image.open(path) as image:
        return image.format == "PNG" and image.width > 200


def test_nothing_is_shown_on_a_screen() -> None:
    assert mpl.get_backend().lower() == "agg"


def test_roc_runs_from_corner_to_corner(drawn: list[Any], tmp_path: Path) -> None:
    perfect = _evaluated(np.arange(20) < 8, np.linspace(1, 0, 20))
    report.plot_roc({"perfect": perfect, "other": _calibrated(50)}, tmp_path / "deep" / "roc.png")
    assert _is_picture(tmp_path / "deep" / "roc.png")
    lines = drawn[0].get_lines()
    assert [line.get_label() for line in lines[:2]] == ["perfect", "other"]
    x, y = lines[0].get_data()
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (0, 1) in zip(x, y, strict=True)  # every malignant image before the first benign one


def test_calibrated_probabilities_lie_on_the_diagonal_at_their_prevalence(drawn: list[Any], tmp_path: Path) -> None:
    data = _calibrated(30_000)
    report.plot_calibration({"right": data}, float(data.malignant.mean()), tmp_path / "a.png")
    report.plot_calibration({"wrong": data}, 0.05, tmp_path / "b.png")
    for axes, right in zip(drawn, (True, False), strict=True):
        x, y = axes.get_lines()[0].get_data()
        assert len(x) == 10
        assert (np.abs(np.asarray(x) - np.asarray(y)).max() < 0.05) == right
    assert "5%" in drawn[1].get_title()


def test_calibration_of_a_set_with_fewer_images_than_bins(tmp_path: Path) -> None:
    report.plot_calibration({"few": _evaluated(np.arange(6) < 3, np.linspace(0.9, 0.1, 6))}, 0.2, tmp_path / "few.png")
    assert _is_picture(tmp_path / "few.png")


def test_confusion_counts(drawn: list[Any], tmp_path: Path) -> None:
    truth = ["melanoma", "melanoma", "melanoma", "benign"]
    called = np.array([True, True, False, False])
    report.plot_confusion(truth, called, "title", tmp_path / "confusion.png")
    (axes,) = drawn
    rows = [label.get_text() for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    cells = {(rows[round(t.get_position()[1])], columns[round(t.get_position()[0])]): t.get_text() for t in axes.texts}
    assert cells == {
        ("melanoma", "malignant"): "2\n67%",
        ("melanoma", "benign"): "1\n33%",
        ("benign", "malignant"): "0\n0%",
        ("benign", "benign"): "1\n100%",
    }


def test_a_row_without_images_is_no_division_by_zero(tmp_path: Path) -> None:
    report.plot_matrix(np.zeros((2, 2), int), ["a", "b"], ["c", "d"], "nothing", tmp_path / "empty.png")
    assert _is_picture(tmp_path / "empty.png")


def test_history(drawn: list[Any], tmp_path: Path) -> None:
    lines: list[dict[str, float]] = [{"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": 1.0, "validation_auc": 0.8}]
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    report.plot_history(tmp_path / "history.jsonl", tmp_path / "training.png")
    loss, other = drawn
    assert [list(values) for values in loss.get_lines()[0].get_data()] == [[1, 2], [1.5, 1.0]]
    assert [list(values) for values in other.get_lines()[0].get_data()] == [[2], [0.8]]


@pytest.mark.parametrize(("low", "left"), [(0.7, 0.5), (0.31, 0.31)])
def test_a_figure_worse_than_chance_is_inside_the_plot(
    drawn: list[Any], low: float, left: float, tmp_path: Path
) -> None:
    def evaluation(**metrics: Measured) -> Evaluation:
        return Evaluation(description="x", images=1, positives=1, groups=1, metrics=metrics, seen_in_training=False)

    bad, good = Measured(value=0.75, low=low, high=0.8), Measured(value=0.9, low=0.85, high=0.95)
    sets = {"bad": evaluation(auc=bad), "without": evaluation(), "good": evaluation(auc=good)}
    report.plot_groups(sets, "auc", tmp_path / "groups.png")
    (axes,) = drawn
    assert [label.get_text() for label in axes.get_yticklabels()] == ["bad", "good"]
    assert axes.get_xlim() == (left, 1.0)


def test_the_published_reports(published: Published) -> None:
    found = {path.name for path in (published.classifier.path / "report").iterdir()}
    assert found == {
        "roc.png", "calibration.png", "confusion.png", "decision_curve.png", "deletion.png", "groups.png",
        "training.png", "index.html",
    }  # fmt: skip
    found = {path.name for path in (published.grader.path / "report").iterdir()}
    assert found == {"confusion.png", "confusion_frame_only.png", "index.html"}
    for version in (published.classifier, published.grader):
        assert all(_is_picture(path) for path in (version.path / "report").glob("*.png"))


def test_net_benefit_is_that_of_the_textbook() -> None:
    positive = np.array([True] * 10 + [False] * 90)
    perfect = positive.astype(float)
    assert report.net_benefit(positive, perfect, 0.5, 0.1) == pytest.approx(0.1)
    everything = np.ones(100)
    assert report.net_benefit(positive, everything, 0.1, 0.1) == pytest.approx(0.1 - 0.9 / 9)
    assert report.net_benefit(positive, everything * 0.01, 0.1, 0.1) == 0.0
    half_needless = np.where(positive, 0.9, np.arange(100) % 2 * 0.9)
    assert report.net_benefit(positive, half_needless, 0.2, 0.1) == pytest.approx(0.1 - 0.9 * 0.5 / 4)


def test_the_decision_curve_stands_beside_everything_and_nothing(drawn: list[Any], tmp_path: Path) -> None:
    report.plot_decision_curve({"model": _calibrated(5_000)}, 0.3, tmp_path / "curve.png")
    assert _is_picture(tmp_path / "curve.png")
    labels = [line.get_label() for line in drawn[0].get_lines()]
    assert labels == ["model", "biopsy everything", "biopsy nothing"]
    model, everything = (np.asarray(line.get_ydata()) for line in drawn[0].get_lines()[:2])
    assert (model >= everything - 0.01).all()  # calibrated: never worse than without it
    assert (model >= -0.01).all()
