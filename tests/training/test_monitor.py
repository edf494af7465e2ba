import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.built import Data, Published
from training.evaluation import kind_of
from training.labels import CLASSES, DIAGNOSES
from training.metrics import auc
from training.monitor import EVERY, Monitor


@pytest.fixture(scope="module")
def validation(data: Data) -> list[int]:
    return [row for row, role in enumerate(data.split.roles) if role == "validation"]


def _lines(history: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in history.read_text().splitlines()]


def test_the_auc_is_that_of_malignancy_on_validation_images(
    network: keras.Model, data: Data, validation: list[int], tmp_path: Path
) -> None:
    Monitor(network, data.table, data.split, tmp_path / "history.jsonl", epochs=1)(0, 1.25)
    (line,) = _lines(tmp_path / "history.jsonl")
    logits = network.predict_on_batch(data.table.pixels[validation].astype(np.float32)).astype(np.float64)
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    malignancy = 1 - share[:, [d in CLASSES["benign"] for d in DIAGNOSES]].sum(axis=1)
    malignant = np.array([kind_of(data.table.labels[row]) != "benign" for row in validation])
    assert line["validation_auc"] == pytest.approx(auc(malignant, malignancy), abs=1e-6)
    assert (line["epoch"], line["loss"]) == (0, 1.25)


def test_it_measures_every_fourth_epoch_and_the_last(network: keras.Model, data: Data, tmp_path: Path) -> None:
    monitor = Monitor(network, data.table, data.split, tmp_path / "history.jsonl", epochs=6)
    for epoch in range(6):
        monitor(epoch, 1.0 / (epoch + 1))
    lines = _lines(tmp_path / "history.jsonl")
    assert [line["epoch"] for line in lines] == list(range(6))
    assert EVERY == 4
    assert [line["epoch"] for line in lines if "validation_auc" in line] == [3, 5]


def test_a_resumed_run_goes_on_writing(published: Published) -> None:
    """Its process was killed in the second epoch; see `conftest.published`."""
    lines = _lines(published.run / "history.jsonl")
    assert [line["epoch"] for line in lines] == [0, 1]
    assert "validation_auc" in lines[1]
