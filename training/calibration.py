"""Turns the network's logit into a probability for a stated prevalence of malignancy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.metrics import Bools, Floats, prevalence_weights


@dataclass(frozen=True)
class Platt:
    """probability = sigmoid(slope * logit + intercept); the identity when slope is 1 and intercept 0."""

    slope: float = 1.0
    intercept: float = 0.0


def fit_platt(positive: Bools, logit: Floats, prevalence: float) -> Platt:
    """Fit slope and intercept by weighted maximum likelihood.

    Platt 1999, "Probabilistic outputs for support vector machines"; the images are weighted so that malignant ones
    make up `prevalence` of the whole, which moves the intercept to that prevalence (King and Zeng 2001). As with his
    targets each image counts a little as what it is not labelled: a few images that happen to lie apart would give a
    slope without bound otherwise.

    Raises:
        ValueError: One class is absent, or the fit says that a higher logit means less malignant.
    """
    if positive.all() or not positive.any():
        raise ValueError("calibration needs malignant and benign images")
    weights, doubt = prevalence_weights(positive, prevalence), _doubt(positive, prevalence)
    model = LogisticRegression(C=np.inf, max_iter=1000)
    both, labels = np.concatenate([logit, logit])[:, None], np.concatenate([positive, ~positive])
    model.fit(both, labels, sample_weight=np.concatenate([weights * (1 - doubt), weights * doubt]))
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= 0:
        raise ValueError(f"the logit does not rise with malignancy (slope {slope:.3f}): the network learned nothing")
    return Platt(slope, intercept)


def _doubt(positive: Bools, prevalence: float) -> Floats:
    """How far each image counts as the other class, 0 to 1: at most 1 / (n + 2) of the n of its own (Platt 1999, 2.2).

    Both classes lend each other the same weight, or the mean probability would no longer be the prevalence.
    """
    malignant, count = int(positive.sum()), len(positive)
    lent = min(prevalence / (malignant + 2), (1 - prevalence) / (count - malignant + 2))
    return np.asarray(np.where(positive, lent / prevalence, lent / (1 - prevalence)), np.float64)
