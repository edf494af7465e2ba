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

    Platt 1999, "Probabilistic outputs for support vector machines", with his targets; the images are weighted so that
    malignant ones make up `prevalence` of the whole, which moves the intercept to that prevalence (King and Zeng 2001).

    Raises:
        ValueError: One class is absent, or the fit says that a higher logit means less malignant.
    """
    if positive.all() or not positive.any():
        raise ValueError("calibration needs malignant and benign images")
    weights, certainty = prevalence_weights(positive, prevalence), _certainty(positive)
    model = LogisticRegression(C=np.inf, max_iter=1000)
    both, labels = np.concatenate([logit, logit])[:, None], np.concatenate([positive, ~positive])
    model.fit(both, labels, sample_weight=np.concatenate([weights * certainty, weights * (1 - certainty)]))
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= 0:
        raise ValueError(f"the logit does not rise with malignancy (slope {slope:.3f}): the network learned nothing")
    return Platt(slope, intercept)


def _certainty(positive: Bools) -> Floats:
    """How far an image counts as what it is labelled: (n + 1) / (n + 2) of the n of its class (Platt 1999, 2.2).

    For the rest it counts as the other. Without it a few images that happen to lie apart give a slope without bound.
    """
    count = np.where(positive, positive.sum(), (~positive).sum())
    return np.asarray((count + 1) / (count + 2), np.float64)
