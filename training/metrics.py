"""Figures with confidence intervals, bootstrapped over lesions: images of one lesion are not independent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from model_store.manifest import Measured

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
REPEATS = 1000
CALIBRATION_BINS = 10


def auc(positive: Bools, score: Floats) -> float:
    """Area under the ROC curve, 0 to 1; NaN when one of the classes is absent."""
    return float(roc_auc_score(positive, score)) if positive.any() and not positive.all() else float("nan")


def share(hits: Bools) -> float:
    """Share of true entries, 0 to 1; NaN of nothing."""
    return float(hits.mean()) if len(hits) else float("nan")


def threshold_for_sensitivity(positive: Bools, score: Floats, sensitivity: float) -> float:
    """The highest threshold at which at least `sensitivity` of the positives have score >= threshold.

    It lies halfway to the next lower score of any image, so that rounding of a score does not flip the decision.

    Raises:
        ValueError: There are no positives.
    """
    found = np.sort(score[positive])[::-1]
    if not len(found):
        raise ValueError("no positives to choose a threshold on")
    lowest_kept = found[int(np.ceil(sensitivity * len(found))) - 1]
    below = score[score < lowest_kept]
    return float((lowest_kept + below.max()) / 2) if len(below) else float(lowest_kept)


def expected_calibration_error(positive: Bools, probability: Floats, weight: Floats) -> float:
    """Weighted mean distance between mean probability and observed frequency in ten equally full bins.

    Naeini 2015, doi 10.1609/aaai.v29i1.9602, with equal-mass bins. `weight` re-weights the images to the prevalence
    for which the probabilities are meant.
    """
    error = 0.0
    for rows in np.array_split(np.argsort(probability, kind="stable"), CALIBRATION_BINS):
        if len(rows) and weight[rows].sum() > 0:
            gap = np.average(probability[rows], weights=weight[rows]) - np.average(positive[rows], weights=weight[rows])
            error += abs(gap) * weight[rows].sum() / weight.sum()
    return float(error)


def prevalence_weights(positive: Bools, prevalence: float) -> Floats:
    """Weights that make the share of positives equal `prevalence`; they sum to the number of images."""
    weights = np.where(positive, prevalence / positive.mean(), (1 - prevalence) / (1 - positive.mean()))
    return np.asarray(weights, np.float64)


@dataclass(frozen=True)
class Share:
    """The share of the drawn rows inside `among` that are `hits`; both bool[n]."""

    hits: Bools
    among: Bools

    def __call__(self, rows: NDArray[np.int64]) -> float:
        """Of the rows with these numbers; NaN where none of them is inside."""
        return share(self.hits[rows][self.among[rows]])

    def exact(self, value: float, lesions: NDArray[np.int64]) -> tuple[float, float]:
        """The 95 % interval of a share of 0 or 1: Clopper and Pearson 1934, doi 10.1093/biomet/26.4.404.

        Args:
            value: The share.
            lesions: int64[n], which rows belong together; those inside are counted.
        """
        bound = 0.025 ** (1 / len(np.unique(lesions[self.among])))
        return (bound, 1.0) if value else (0.0, 1 - bound)


def bootstrap(statistic: Callable[[NDArray[np.int64]], float], lesions: NDArray[np.int64], seed: int = 0) -> Measured:
    """A statistic with its 95 % percentile bootstrap interval, whole lesions drawn with replacement.

    Args:
        statistic: Takes row numbers (with repetitions) and returns the figure. A `Share` of 0 or 1, which every draw
            would repeat, has its exact interval instead: sixteen of sixteen are no proof of all.
        lesions: int64[n], which rows belong together.
        seed: Seed of the 1,000 draws.

    Raises:
        ValueError: The statistic is not defined on the rows.
    """
    value = statistic(np.arange(len(lesions)))
    if not np.isfinite(value):
        raise ValueError("the statistic is not defined on these images")
    if isinstance(statistic, Share) and value in {0.0, 1.0}:
        low, high = statistic.exact(value, lesions)
    else:
        low, high = np.nanquantile(_draws(statistic, lesions, seed), [0.025, 0.975])
    return Measured(value=round(value, 4), low=round(float(low), 4), high=round(float(high), 4))


def _draws(statistic: Callable[[NDArray[np.int64]], float], lesions: NDArray[np.int64], seed: int) -> list[float]:
    order = np.argsort(lesions, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(lesions[order])) + 1)
    rng = np.random.default_rng(seed)
    return [
        statistic(np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]))
        for _ in range(REPEATS)
    ]
