"""What a candidate's SavedModel does on the test images: the paper's figures, with intervals, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from sklearn.metrics import confusion_matrix, log_loss

from model_store.manifest import Measured
from model_store.runtime import Runtime, load_directory
from training.metrics import Share, auc, bootstrap
from training.paper.data import PaperData, malignant
from training.scoring import score
from training.table import Table

THRESHOLD = 0.5
"""The paper does not say its own; this is what a network that answers with a probability is read at."""

_TIMED = 30

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Figures(BaseModel):
    """On one set of images, at `THRESHOLD`.

    Attributes:
        images: How many.
        loss: Mean binary cross-entropy.
        metrics: accuracy, precision, recall, f1 and auc, each with its interval; where nothing is called malignant,
            there is no precision.
        confusion: [[benign called benign, benign called malignant], [malignant called benign, called malignant]].
    """

    images: int
    loss: float
    metrics: dict[str, Measured]
    confusion: list[list[int]]


def figures(positive: Bools, probability: Floats, groups: NDArray[np.int64]) -> Figures:
    """Figures of a set.

    Args:
        positive: bool[n], malignant.
        probability: float64[n].
        groups: int64[n], copies of one picture have the same number.
    """
    called = probability >= THRESHOLD

    def f1(rows: NDArray[np.int64]) -> float:
        truth, said = positive[rows], called[rows]
        return 2 * float((truth & said).sum()) / max(1, int(truth.sum() + said.sum()))

    statistics: dict[str, Callable[[NDArray[np.int64]], float]] = {
        "accuracy": Share(called == positive, np.ones_like(positive)),
        "recall": Share(called, positive),
        "f1": f1,
        "auc": lambda rows: auc(positive[rows], probability[rows]),
    }
    if called.any():
        statistics["precision"] = Share(positive, called)
    metrics = {name: bootstrap(statistic, groups) for name, statistic in statistics.items()}
    safe = np.clip(probability, 1e-7, 1 - 1e-7)
    confusion = confusion_matrix(positive, called, labels=[False, True]).tolist()
    loss = round(float(log_loss(positive, safe, labels=[False, True])), 4)
    return Figures(images=len(positive), loss=loss, metrics=metrics, confusion=confusion)


def measure(folder: Path, table: Table, data: PaperData, title: str) -> tuple[dict[str, Figures], Floats]:
    """Runs a SavedModel over validation and test images.

    Returns:
        "validation", "test" and "test, no copies in training" with their figures, and the test images' probabilities.
    """
    runtime = load_directory(folder)
    watched = _probabilities(runtime, table, data.validation, f"{title}: validation")
    tested = _probabilities(runtime, table, data.test, f"{title}: test")
    positive = malignant(table, data.test)
    groups = table.copies[data.test]
    return {
        "validation": figures(malignant(table, data.validation), watched, table.copies[data.validation]),
        "test": figures(positive, tested, groups),
        "test, no copies in training": figures(positive[data.clean], tested[data.clean], groups[data.clean]),
    }, tested


def milliseconds(folder: Path) -> float:
    """Median time of one image through the service's own runtime, alone."""
    runtime = load_directory(folder)
    image = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    taken = []
    for _ in range(_TIMED):
        begun = time.perf_counter()
        runtime.run(image)
        taken.append(time.perf_counter() - begun)
    return round(1000 * float(np.median(taken)), 2)


def megabytes(folder: Path) -> float:
    """Size of a SavedModel's files."""
    return round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6, 1)


def _probabilities(runtime: Runtime, table: Table, rows: Any, title: str) -> Floats:
    return score(runtime, table.pixels, rows.tolist(), title)["probability"].astype(np.float64)
