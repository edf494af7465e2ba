"""Whether a picture is dermoscopic at all, free of hair, free of a ruler: linear layers on all depths of the backbone.

The last features alone do not tell: a network that learned from nothing else maps a city to some lesion. Earlier layers
still see texture and colour, so mean and deviation of five layers are looked at together (as in texture synthesis,
Gatys 2015, arXiv:1505.07376). Learned from training images and from `training.wrong`; the epochs know nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from dermoscopy.prepare import SIDE
from training.front import to_input

TAPS = ("conv_pw_1_relu", "conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_11_relu", "conv_pw_13_relu")
FARTHEST = 5.0
"""Standard deviations from the mean of good images at which a feature counts no more than before."""
REGULARISATION = 1e-3
"""Inverse strength, for scikit-learn. On classifier/2's features it refused 96 % and more of every unseen kind, of
which 1e-4 let through up to 13 %, and 3 % of the images of an unseen source."""
BATCH = 32

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Gatekeeper:
    """A logistic regression.

    Attributes:
        mean: float32[d], of good images.
        scale: float32[d], one over their standard deviation.
        weights: float32[d].
        bias: Of the logit of "good".
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float


def tapped(backbone: keras.Model) -> keras.Model:
    """The backbone with the results of all `TAPS`, the last of which is its own; it shares the weights."""
    return keras.Model(backbone.inputs, [backbone.get_layer(name).output for name in TAPS])


def pooled(results: Iterable[Any]) -> Any:
    """Mean and standard deviation over each map: float32[batch, d] of float32[batch, h, w, c] for each tap."""
    found = []
    for result in results:
        mean = tf.reduce_mean(result, axis=(1, 2), keepdims=True)
        # In two passes: a mean of squares less a squared mean would cancel out in bfloat16.
        deviation = tf.sqrt(tf.reduce_mean((result - mean) ** 2, axis=(1, 2)) + 1e-8)
        found += [mean[:, 0, 0], deviation]
    return tf.concat(found, axis=1)


def last_means(features: Floats, backbone: keras.Model) -> Floats:
    """Of what `features_of` gives: the pooled features that the diagnoses are told from, float32[n, 1024]."""
    size = backbone.output.shape[-1]
    return features[:, -2 * size : -size]


def features_of(backbone: keras.Model, batches: Iterable[Any]) -> Floats:
    """Features of images.

    Args:
        backbone: Of the network.
        batches: Images, [batch, 224, 224, 3], RGB, 0 to 255.

    Returns:
        float32[n, d].
    """
    seen = _seen(backbone)
    return np.concatenate([np.asarray(seen(tf.cast(batch, tf.float32))) for batch in batches])


@lru_cache(maxsize=1)
def _seen(backbone: keras.Model) -> Any:
    """From images to features, by the weights that the backbone has when it is asked.

    Making it takes seconds, and a release asks dozens of times.
    """
    network = tapped(backbone)

    # One graph: between Keras's and ours, the first maps would go through NumPy (three times as slow).
    @tf.function(  # type: ignore[untyped-decorator]  # it has no types
        autograph=False, input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32)]
    )
    def seen(batch: Any) -> Any:
        return pooled(network(to_input(batch), training=False))

    return seen


def fit_gatekeeper(good: Floats, wrong: Floats) -> Gatekeeper:
    """Learns to tell good images from wrong ones, both of which count the same in all.

    Args:
        good: float32[n, d].
        wrong: float32[m, d].
    """
    mean, scale = good.mean(axis=0), 1 / (good.std(axis=0) + 1e-3)
    features = np.clip((np.concatenate([good, wrong]) - mean) * scale, -FARTHEST, FARTHEST)
    labels = np.repeat([1, 0], [len(good), len(wrong)])
    model = LogisticRegression(C=REGULARISATION, max_iter=300, class_weight="balanced").fit(features, labels)
    return Gatekeeper(mean, scale, model.coef_[0].astype(np.float32), float(model.intercept_[0]))
