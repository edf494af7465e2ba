"""Plots of a version's report; figures only, no pixel of any data set."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from sklearn.metrics import roc_curve

from model_store.manifest import Evaluation
from training.evaluation import Evaluated
from training.metrics import Bools, prevalence_weights

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the backend is chosen

_SIZE = (5.0, 4.2)


def save_figure(figure: Any, path: Path) -> None:
    """Writes a figure as PNG, and forgets it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def plot_roc(sets: dict[str, Evaluated], path: Path) -> None:
    """Malignant against benign on every evaluation set."""
    figure, axes = plt.subplots(figsize=_SIZE)
    for name, data in sets.items():
        false_positive, true_positive, _ = roc_curve(data.malignant, data.probability)
        axes.plot(false_positive, true_positive, label=name)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title="Malignant against benign")
    axes.legend(fontsize=8, loc="lower right")
    save_figure(figure, path)


def plot_calibration(sets: dict[str, Evaluated], prevalence: float, path: Path) -> None:
    """Reliability: observed frequency against mean probability, at the prevalence that the probabilities are for."""
    figure, axes = plt.subplots(figsize=_SIZE)
    for name, data in sets.items():
        weight = prevalence_weights(data.malignant, prevalence)
        bins = [rows for rows in np.array_split(np.argsort(data.probability), 10) if len(rows)]
        x = [np.average(data.probability[rows], weights=weight[rows]) for rows in bins]
        y = [np.average(data.malignant[rows], weights=weight[rows]) for rows in bins]
        axes.plot(x, y, marker="o", markersize=3, label=name)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle=":")
    title = f"Calibration at {prevalence:.0%} prevalence"
    axes.set(xlabel="probability of malignancy", ylabel="observed frequency", title=title)
    axes.legend(fontsize=8, loc="upper left")
    save_figure(figure, path)


def net_benefit(positive: Bools, probability: Any, threshold: float, prevalence: float) -> float:
    """Net benefit of biopsying whatever reaches a threshold (Vickers 2006, doi 10.1177/0272989X06295361).

    True positives less false positives, per lesion, where a false one counts as the threshold's odds: whoever biopsies
    at 10 % accepts nine needless biopsies for one malignancy.

    Args:
        positive: bool[n], malignant.
        probability: float[n].
        threshold: Above 0 and below 1.
        prevalence: Of malignancy among the lesions that it is for.
    """
    called = probability >= threshold
    found, needless = called[positive].mean(), called[~positive].mean()
    return float(prevalence * found - (1 - prevalence) * needless * threshold / (1 - threshold))


def plot_decision_curve(sets: dict[str, Evaluated], prevalence: float, path: Path) -> None:
    """Net benefit by threshold, beside biopsying everything and biopsying nothing."""
    thresholds = np.linspace(0.01, 0.6, 60)
    figure, axes = plt.subplots(figsize=_SIZE)
    for name, data in sets.items():
        found = [net_benefit(data.malignant, data.probability, threshold, prevalence) for threshold in thresholds]
        axes.plot(thresholds, found, label=name)
    everything = prevalence - (1 - prevalence) * thresholds / (1 - thresholds)
    axes.plot(thresholds, everything, color="grey", linewidth=0.8, linestyle="--", label="biopsy everything")
    axes.axhline(0, color="grey", linewidth=0.8, linestyle=":", label="biopsy nothing")
    title = f"Decision curve at {prevalence:.0%} prevalence"
    axes.set(xlabel="threshold of the probability", ylabel="net benefit per lesion", title=title)
    axes.set_ylim(-0.05, prevalence * 1.1)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def plot_confusion(truth: list[str], answer: Bools, title: str, path: Path) -> None:
    """Counts of what each kind of lesion was called.

    Args:
        truth: The kind of each image.
        answer: bool[n], called malignant.
        title: Says the set and the operating point.
        path: Where to.
    """
    kinds = sorted(set(truth))
    rows = np.array(truth)
    counts = np.array([[int((~answer[rows == kind]).sum()), int(answer[rows == kind].sum())] for kind in kinds])
    plot_matrix(counts, kinds, ["benign", "malignant"], title, path)


def plot_matrix(counts: Any, rows: list[str], columns: list[str], title: str, path: Path) -> None:
    """A confusion matrix: int[rows, columns], coloured by the share of its row."""
    figure, axes = plt.subplots(figsize=_SIZE)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{count}\n{shares[row, column]:.0%}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel="called", ylabel="labelled")
    axes.set_title("\n".join(textwrap.wrap(title, 62)), fontsize=9)
    save_figure(figure, path)


def plot_history(history: Path, path: Path) -> None:
    """Loss by epoch and, where it was measured, AUC on validation images; reads the run's history.jsonl."""
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    figure, axes = plt.subplots(figsize=_SIZE)
    axes.plot([line["epoch"] + 1 for line in lines], [line["loss"] for line in lines], label="training loss")
    axes.set(xlabel="epoch", ylabel="loss", title="Training (loss on pairs includes their penalty)")
    measured = [line for line in lines if "validation_auc" in line]
    if measured:
        other = axes.twinx()
        x = [line["epoch"] + 1 for line in measured]
        other.plot(x, [line["validation_auc"] for line in measured], color="tab:orange", marker="o", markersize=3)
        other.set_ylabel("validation AUC, malignant against benign (orange)")
        other.set_ylim(0.5, 1.0)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def plot_groups(evaluations: dict[str, Evaluation], metric: str, path: Path) -> None:
    """One metric with its confidence interval for every set that has it."""
    having = {name: e.metrics[metric] for name, e in evaluations.items() if metric in e.metrics}
    figure, axes = plt.subplots(figsize=(6.0, 0.6 + 0.5 * max(len(having), 2)))
    for position, measured in enumerate(having.values()):
        axes.plot([measured.low, measured.high], [position, position], color="tab:blue")
        axes.plot(measured.value, position, "o", color="tab:blue")
    axes.set_yticks(range(len(having)), list(having), fontsize=8)
    # A figure worse than chance must show too.
    left = min([0.5, *(measured.low for measured in having.values())])
    axes.set(xlabel=f"{metric} (95 % interval)", xlim=(left, 1.0), ylim=(-0.6, len(having) - 0.4))
    save_figure(figure, path)
