"""What a decision is worth at a clinic: predictive values and the probability at its own prevalence.

Altman and Bland 1994, "Diagnostic tests 2: predictive values", BMJ 309:102, doi 10.1136/bmj.309.6947.102; these are
Bayes' theorem. The shift of the probability is explained in docs/concepts.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

SOURCE = "Altman and Bland 1994, BMJ 309:102"


class Point(Protocol):
    """What was measured of an operating point: shares from 0 to 1, and the ends of their 95 % intervals."""

    @property
    def sensitivity(self) -> float:
        """Of the malignant lesions, the share that is called malignant."""

    @property
    def sensitivity_ci(self) -> tuple[float, float]:
        """Its interval."""

    @property
    def specificity(self) -> float:
        """Of the benign lesions, the share that is called benign."""

    @property
    def specificity_ci(self) -> tuple[float, float]:
        """Its interval."""


@dataclass(frozen=True)
class Estimate:
    """A share from 0 to 1, and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Predictive:
    """What the decisions of an operating point mean at one prevalence.

    Attributes:
        positive: Of the lesions called malignant, the share that is (PPV).
        negative: Of the lesions called benign, the share that is (NPV).
    """

    positive: Estimate
    negative: Estimate


def positive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Share of the malignant among those called malignant; all arguments from 0 to 1.

    Raises:
        ValueError: The prevalence is not between 0 and 1, or nothing would ever be called malignant.
    """
    return _share(sensitivity * _between(prevalence), (1 - specificity) * (1 - prevalence))


def negative_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Share of the benign among those called benign; all arguments from 0 to 1.

    Raises:
        ValueError: The prevalence is not between 0 and 1, or nothing would ever be called benign.
    """
    return _share(specificity * (1 - _between(prevalence)), (1 - sensitivity) * prevalence)


def predictive(point: Point, prevalence: float) -> Predictive:
    """Predictive values at a prevalence between 0 and 1.

    Both rise with sensitivity and with specificity, so the ends of their intervals come from the ends of both 95 %
    intervals together: a little wider than a 95 % interval of their own would be.

    Raises:
        ValueError: The prevalence is not between 0 and 1, or the point calls everything the same.
    """
    values, lows, highs = (
        (point.sensitivity, point.specificity),
        (point.sensitivity_ci[0], point.specificity_ci[0]),
        (point.sensitivity_ci[1], point.specificity_ci[1]),
    )
    positive = Estimate(*(positive_value(*pair, prevalence) for pair in (values, lows, highs)))
    negative = Estimate(*(negative_value(*pair, prevalence) for pair in (values, lows, highs)))
    return Predictive(positive, negative)


def shifted(probability: float, calibrated_for: float, prevalence: float) -> float:
    """The probability where malignant lesions are rarer or more frequent: a shift of the log odds.

    Args:
        probability: What the service said, 0 to 1.
        calibrated_for: The prevalence that it is meant for, between 0 and 1.
        prevalence: That of the clinic, between 0 and 1.

    Raises:
        ValueError: One of the prevalences is not between 0 and 1.
    """
    if probability in (0.0, 1.0):
        return probability
    odds = _log_odds(probability) + _log_odds(_between(prevalence)) - _log_odds(_between(calibrated_for))
    ratio = math.exp(-abs(odds))  # of the rarer to the more frequent, which no odds make too large
    return (1.0 if odds >= 0 else ratio) / (1 + ratio)


def _share(part: float, rest: float) -> float:
    if part + rest <= 0:
        raise ValueError("this operating point calls everything the same")
    return part / (part + rest)


def _between(prevalence: float) -> float:
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence is between 0 and 1, not {prevalence}")
    return prevalence


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
