"""Watches a training run: loss and validation AUC by epoch, in a file that the report draws."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.evaluation import kind_of
from training.labels import class_matrix
from training.metrics import auc
from training.splits import Split
from training.table import Table

EVERY = 4
BATCH = 64


class Monitor:
    """Called after each epoch; appends {"epoch", "loss"} and every fourth time "validation_auc" to history.jsonl.

    The AUC is that of malignant against benign on the validation images, by the weights of the moment (not averaged).
    """

    def __init__(self, network: keras.Model, table: Table, split: Split, history: Path, epochs: int) -> None:
        self.network, self.table, self.history, self.epochs = network, table, history, epochs
        self.rows = [row for row, role in enumerate(split.roles) if role == "validation"]
        self.malignant = np.array([kind_of(table.labels[row]) != "benign" for row in self.rows])

    def __call__(self, epoch: int, loss: float) -> None:
        """Record one epoch, counted from 0."""
        line: dict[str, float] = {"epoch": epoch, "loss": loss}
        if epoch % EVERY == EVERY - 1 or epoch == self.epochs - 1:
            line["validation_auc"] = auc(self.malignant, malignancy(self.network, self.table, self.rows))
        with self.history.open("a") as file:
            file.write(json.dumps(line) + "\n")


def malignancy(network: keras.Model, table: Table, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """float64[len(rows)]: the uncalibrated probability of malignant that a network in training gives to images."""
    parts = []
    for start in range(0, len(rows), BATCH):
        pixels = table.pixels[rows[start : start + BATCH]].astype(np.float32)
        parts.append(np.asarray(network.predict_on_batch(pixels), np.float64))
    logits = np.concatenate(parts)
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(1 - (exponent / exponent.sum(axis=1, keepdims=True) @ class_matrix())[:, 2])
