import numpy as np
import pytest

from training.differential import Differential, differential_of, differential_statistics
from training.labels import BENIGN, DIAGNOSES, Label

LABELS: list[Label] = [frozenset({"mel"}), frozenset({"nv"}), BENIGN, frozenset({"vasc"})]


def _row(**probability: float) -> list[float]:
    return [probability.get(diagnosis, 0.001) for diagnosis in DIAGNOSES]


def test_the_labelled_diagnosis_is_ranked_where_there_is_one() -> None:
    rows = [_row(mel=0.6, nv=0.3), _row(mel=0.5, bkl=0.3, nv=0.1), _row(nv=0.9), _row(mel=0.6, nv=0.2, bcc=0.1)]
    found = differential_of({"diagnoses": np.array(rows)}, LABELS)
    assert found is not None
    assert found.diagnosis.tolist() == ["mel", "nv", "", "vasc"]
    assert found.rank.tolist() == [0, 2, -1, 3]


def test_a_version_without_diagnoses_is_not_ranked() -> None:
    assert differential_of({"probability": np.zeros(4)}, LABELS) is None


def test_every_diagnosis_counts_alike() -> None:
    diagnosis = np.array(["mel"] * 8 + ["nv"] * 2 + ["bcc"] * 2 + [""])
    rank = np.array([0] * 8 + [2, 5] + [1, 3] + [-1])
    statistics = differential_statistics(Differential(diagnosis, rank))
    rows = np.arange(len(rank))
    assert {name: statistic(rows) for name, statistic in statistics.items()} == pytest.approx(
        {"diagnosis_is_the_likeliest_balanced": 1 / 3, "diagnosis_is_among_3_balanced": (1 + 0.5 + 0.5) / 3}
    )
    # A draw in which a diagnosis is absent speaks of those that are there.
    assert statistics["diagnosis_is_the_likeliest_balanced"](rows[:8]) == 1


def test_two_diagnoses_are_no_differential() -> None:
    assert differential_statistics(Differential(np.array(["mel", "nv", ""]), np.array([0, 0, -1]))) == {}


def test_a_subset() -> None:
    whole = Differential(np.array(["mel", "nv", ""]), np.array([0, 4, -1]))
    assert whole.subset(np.array([False, True, True])).rank.tolist() == [4, -1]
