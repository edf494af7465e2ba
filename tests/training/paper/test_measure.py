from pathlib import Path

import numpy as np
import pytest

from training import metrics
from training.paper.measure import figures, megabytes


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 50)


def test_figures_are_those_of_the_textbook() -> None:
    positive = np.array([True] * 4 + [False] * 6)
    probability = np.array([0.9, 0.8, 0.5, 0.2, 0.7, 0.1, 0.1, 0.2, 0.3, 0.4])
    found = figures(positive, probability, np.arange(10))
    values = {name: measured.value for name, measured in found.metrics.items()}
    assert values == {
        "accuracy": 0.8, "precision": 0.75, "recall": 0.75, "f1": 0.75, "auc": 0.8125,
    }  # fmt: skip
    assert found.confusion == [[5, 1], [1, 3]]
    expected = -np.mean(np.log(np.where(positive, probability, 1 - probability)))
    assert found.loss == pytest.approx(expected, abs=1e-4)
    assert all(measured.low <= measured.value <= measured.high for measured in found.metrics.values())


def test_nothing_called_malignant_is_no_precision() -> None:
    """Not one of 0: nothing measured it."""
    found = figures(np.array([True, True, False]), np.array([0.1, 0.3, 0.2]), np.arange(3))
    assert found.metrics["recall"].value == found.metrics["f1"].value == 0
    assert "precision" not in found.metrics


def test_shares_of_all_are_not_certain() -> None:
    found = figures(np.arange(8) < 4, np.where(np.arange(8) < 4, 0.9, 0.1), np.arange(8))
    for name, count in (("accuracy", 8), ("precision", 4), ("recall", 4)):
        assert found.metrics[name].value == found.metrics[name].high == 1
        assert found.metrics[name].low == pytest.approx(0.025 ** (1 / count), abs=1e-3)  # Clopper and Pearson


def test_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 200_000)
    (tmp_path / "variables" / "b").write_bytes(b"x" * 300_000)
    assert megabytes(tmp_path) == 0.5
