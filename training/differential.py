"""How often the diagnosis that an image is labelled with is the likeliest, or among the three that are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.decision import DIFFERENTIAL
from training.labels import DIAGNOSES, Label
from training.metrics import Bools, share

LEAST_DIAGNOSES = 3
"""A set that knows fewer of them apart says nothing about a differential."""

OUTPUT = "diagnoses"


@dataclass(frozen=True)
class Differential:
    """What a set's labels and a version's differential say of the same images.

    Attributes:
        diagnosis: str[n], as in `labels.DIAGNOSES`; "" where the label leaves more than one open.
        rank: int64[n], how many diagnoses are likelier than the labelled one; 0 is the best, -1 where none is labelled.
    """

    diagnosis: NDArray[np.str_]
    rank: NDArray[np.int64]

    def subset(self, rows: Bools) -> Differential:
        """The rows that are marked."""
        return Differential(self.diagnosis[rows], self.rank[rows])


def differential_of(outputs: Mapping[str, NDArray[Any]], labels: list[Label]) -> Differential | None:
    """Ranks the labelled diagnoses; None if the version tells none apart.

    Args:
        outputs: Of the artifact; "diagnoses" float32[n, 7].
        labels: Of the n images.
    """
    if OUTPUT not in outputs:
        return None
    probability = outputs[OUTPUT]
    known = [next(iter(label)) if len(label) == 1 else "" for label in labels]
    ranks = [
        int((row > row[DIAGNOSES.index(one)]).sum()) if one else -1 for row, one in zip(probability, known, strict=True)
    ]
    return Differential(np.array(known), np.array(ranks, np.int64))


def differential_statistics(found: Differential) -> dict[str, Callable[[NDArray[np.int64]], float]]:
    """Figures that treat every diagnosis alike, however rare it is: the mean over the diagnoses of the set."""
    diagnoses = sorted(set(found.diagnosis.tolist()) - {""})
    if len(diagnoses) < LEAST_DIAGNOSES:
        return {}

    def balanced(hit: Bools) -> Callable[[NDArray[np.int64]], float]:
        return lambda rows: float(np.nanmean([share(hit[rows][found.diagnosis[rows] == one]) for one in diagnoses]))

    return {
        "diagnosis_is_the_likeliest_balanced": balanced(found.rank == 0),
        f"diagnosis_is_among_{DIFFERENTIAL}_balanced": balanced((found.rank >= 0) & (found.rank < DIFFERENTIAL)),
    }
