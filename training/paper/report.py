"""The comparison for people: one table beside the paper's figures, and plots.

The grid of predicted images shows the images themselves, so all of it stays in the run's folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from sklearn.metrics import roc_curve

from training.paper.candidates import PAPER
from training.paper.data import PaperData, malignant
from training.paper.grading import Graded
from training.paper.measure import THRESHOLD, Figures
from training.paper.result import Result, choose
from training.report import plot_matrix, save_figure
from training.table import Table

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the backend is chosen

TEST, CLEAN = "test", "test, no copies in training"
_SHOWN = 25
_COLOURS = 10
"""In matplotlib's cycle."""
_LEARNED = {
    "frozen": "new top, frozen ImageNet base",
    "fine-tuned": "end to end from ImageNet",
    "scratch": "from random weights, {side} px",
    "joined": "new top on bases that learned alone from random weights",
    "svm": "SVM on frozen ImageNet features",
    "knn": "neighbours in texture and colour",
}


_NOTES = """
Test images: {images}, of which {clean} have no copy among the images that were trained on (`no copies`). Threshold
{threshold:g}. 95 % intervals are in each row's result.json. Rows from random weights had no ImageNet weights here and
learned on smaller pictures for a few epochs: compare them with MobileNet from random weights, not with the others.
Processor minutes are a row's own: features that an earlier row made, and bases that have learned alone, cost nothing
again.

A high figure here proves little: the two halves of this set come from different collections, and the frame of a picture
alone tells them apart (`python -m training data confounders`).
"""


def write_report(
    results: list[Result], table: Table, data: PaperData, folder: Path, graded: Graded | str | None = None
) -> str:
    """Writes compare.md and its plots.

    Args:
        results: The rows.
        table: The images.
        data: Which of them are tested.
        folder: Where to.
        graded: The grader on the winner's features, or why there is none; None where nothing won.

    Returns:
        The text of compare.md.
    """
    folder.mkdir(parents=True, exist_ok=True)
    positive = malignant(table, data.test)
    _draw_roc(results, positive, folder / "roc.png")
    for result in results:
        matrix = np.array(result.figures[TEST].confusion)
        title = f"{result.title}: {result.figures[TEST].images} test images at {THRESHOLD:g}"
        plot_matrix(
            matrix, ["benign", "malignant"], ["benign", "malignant"], title, folder / f"confusion-{result.name}.png"
        )
        if result.history:
            _draw_history(result, folder / f"history-{result.name}.png")
    chosen = choose(results)
    if chosen is not None:
        _draw_grid(chosen, table, data, positive, folder / "predictions.png")
    text = _text(results, chosen) + _of_grader(chosen, graded)
    (folder / "compare.md").write_text(text, "utf-8")
    return text


def _text(results: list[Result], chosen: Result | None) -> str:
    header = ["model", "how it learned", "loss", "accuracy", "precision", "recall", "F1", "AUC", "accuracy, no copies",
              "AUC, no copies", "processor minutes", "MB", "ms an image"]  # fmt: skip
    lines = ["# Comparison\n", _line(header), "|---" * len(header) + "|"]
    for result in sorted(results, key=lambda r: -r.figures[TEST].metrics["auc"].value):
        lines.append(_line(_row(result)))
        if result.name in PAPER:
            known = {name: f"{value:g}" for name, value in PAPER[result.name].items()}
            cells = [known.get(name, "") for name in ("loss", "accuracy", "precision", "recall", "f1", "auc")]
            lines.append(_line(["the paper's MobileNet", "as the paper reports it", *cells, *[""] * 5]))
    images = results[0].figures if results else {}
    counted = {name: figures.images for name, figures in images.items()}
    counts = {"images": counted.get(TEST, 0), "clean": counted.get(CLEAN, 0), "threshold": THRESHOLD}
    lines.append(_NOTES.format(**counts))
    if chosen is not None:
        auc = chosen.figures["validation"].metrics["auc"]
        lines.append(
            f"Chosen on validation data: {chosen.title} (AUC {auc.value:.3f}, {auc.low:.3f} to {auc.high:.3f}).\n"
        )
    return "\n".join(lines)


def _of_grader(chosen: Result | None, graded: Graded | str | None) -> str:
    if chosen is None or graded is None:
        return ""
    head = f"\n## The paper's grader, on {chosen.title}\n\n"
    if isinstance(graded, str):
        return f"{head}Not measured: {graded}.\n"
    lines = [_line(["set", "images", "figure", "value (95 % interval)"]), "|---|---|---|---|"]
    for name, evaluation in graded.evaluations.items():
        for figure, value in evaluation.metrics.items():
            interval = f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
            lines.append(_line([name, str(evaluation.images), figure, interval]))
    seen = any(evaluation.seen_in_training for evaluation in graded.evaluations.values())
    note = "Its base learned from copies of some of these images." if seen else "Its base saw no copy of these images."
    return head + "\n".join([*lines, "", f"Cross-validated by lesion and patient. {note}\n"])


def _row(result: Result) -> list[str]:
    whole, clean = result.figures[TEST], result.figures[CLEAN]
    figures = [_value(whole, name) for name in ("accuracy", "precision", "recall", "f1", "auc")]
    others = [_value(clean, name) for name in ("accuracy", "auc")]
    return [
        result.title, _LEARNED[result.kind].format(side=result.side), f"{whole.loss:.3f}",
        *figures, *others,
        f"{result.processor_minutes:.1f}", f"{result.megabytes:.1f}", f"{result.milliseconds:.1f}",
    ]  # fmt: skip


def _value(figures: Figures, name: str) -> str:
    """Empty where it was not measured: of nothing that is called malignant there is no precision."""
    return f"{figures.metrics[name].value:.3f}" if name in figures.metrics else ""


def _line(cells: list[str]) -> str:
    return "|" + "|".join(cells) + "|"


def _draw_roc(results: list[Result], positive: Any, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6.5, 5.5))
    for number, result in enumerate(results):
        wrong, right, _ = roc_curve(positive, result.probability)
        label = f"{result.title} ({result.figures[TEST].metrics['auc'].value:.3f})"
        # There are more rows than colours.
        style = "-" if number < _COLOURS else "--"
        axes.plot(wrong, right, color=f"C{number % _COLOURS}", linestyle=style, linewidth=1.2, label=label)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title="Test images (AUC)")
    axes.legend(fontsize=7, loc="lower right")
    save_figure(figure, path)


def _draw_history(result: Result, path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.5))
    for axes, name in ((left, "loss"), (right, "accuracy")):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            axes.plot(
                range(1, len(result.history[key]) + 1), result.history[key], marker="o", markersize=3, label=label
            )
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend(fontsize=8)
    figure.suptitle(result.title, fontsize=10)
    save_figure(figure, path)


def _draw_grid(result: Result, table: Table, data: PaperData, positive: Any, path: Path) -> None:
    """The paper's grid: test images with what they are and what they are called; the same ones every time."""
    order = np.random.default_rng(0).permutation(len(data.test))[:_SHOWN]
    side = int(np.ceil(np.sqrt(len(order))))
    figure, grid = plt.subplots(side, side, figsize=(2.1 * side, 2.3 * side), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, place in zip(grid.flat, order.tolist(), strict=False):
        said, truth = result.probability[place] >= THRESHOLD, bool(positive[place])
        axes.imshow(np.asarray(table.pixels[data.test[place]]))
        names = {True: "malignant", False: "benign"}
        colour = "black" if said == truth else "red"
        axes.set_title(f"{names[truth]}: {names[said]}\n{result.probability[place]:.2f}", fontsize=7, color=colour)
    figure.suptitle(f"{result.title}: what it is, and what it is called", fontsize=10)
    save_figure(figure, path)
