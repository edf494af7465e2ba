"""How far an image's features are from those of the training images: large for what the model has never seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 64


@dataclass(frozen=True)
class Novelty:
    """A Gaussian in the leading principal components, and the usual length of what they leave over.

    Attributes:
        mean: float32[1024].
        axes: float32[1024, 64], principal axes divided by the standard deviation along them.
        leftover: Mean squared length of the part of a feature vector outside the components.

    The score is sqrt((m + r) / 2): m the mean squared whitened coordinate (Mahalanobis distance per component, Lee
    2018, arXiv:1807.03888), r the squared leftover relative to `leftover` (the residual of Wang 2022,
    arXiv:2203.10807). It is about 1 for images like the training images.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    leftover: float


def fit_novelty(features: NDArray[np.float32]) -> Novelty:
    """Fit on the pooled features of training images, float32[n, 1024] with n > 64.

    Raises:
        ValueError: Too few images.
    """
    if len(features) <= COMPONENTS:
        raise ValueError(f"novelty needs more than {COMPONENTS} images, got {len(features)}")
    mean = features.mean(axis=0)
    centred = (features - mean).astype(np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    leading = vectors[:, -COMPONENTS:]
    leftover = float(values[:-COMPONENTS].clip(min=0).sum())
    axes = leading / np.sqrt(values[-COMPONENTS:].clip(min=1e-12))
    return Novelty(mean.astype(np.float32), axes.astype(np.float32), leftover)
