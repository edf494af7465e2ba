"""The literature's hybrids: features of a network and a support vector machine, features of texture and neighbours."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from training.paper.network import Exported, ExportedNetwork

NEIGHBOURS = 15
_SVM_PENALTY = 0.01
_PATTERNS = 256
_SHIFTS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_CELL = 4

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def with_svm(network: keras.Model, learned: Floats, answers: Bools, watched: Floats, truth: Bools) -> Exported:
    """A linear support vector machine on a frozen network's features (Cortes 1995, doi 10.1007/BF00994018).

    Its distance becomes a probability by a logistic curve (Platt 1999) that is fitted on validation images.

    Args:
        network: Whose features; its last layer is replaced.
        learned: float32[n, f] of the training images.
        answers: bool[n].
        watched: float32[m, f] of the validation images.
        truth: bool[m].
    """
    scaler = StandardScaler().fit(learned)
    machine = LinearSVC(C=_SVM_PENALTY, class_weight="balanced").fit(scaler.transform(learned), answers)
    distance = machine.decision_function(scaler.transform(watched))
    curve = LogisticRegression(C=1e6).fit(distance[:, None], truth)
    slope, intercept = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    kernel = machine.coef_[0] / scaler.scale_
    bias = float(machine.intercept_[0] - scaler.mean_ @ kernel)
    head = network.get_layer("head")
    head.set_weights([(slope * kernel)[:, None], np.array([slope * bias + intercept])])
    return ExportedNetwork(network)


class TextureNeighbours(Exported):
    """Texture and colour of a picture, and how many of the nearest training pictures are malignant.

    Texture is local binary patterns (Ojala 2002, doi 10.1109/TPAMI.2002.1017623): which of the eight neighbours of a
    pixel are brighter, counted over the picture; colour is mean and spread of each channel in sixteen cells.
    """

    def __init__(self, pixels: Any, answers: Bools) -> None:
        """Remembers the training pictures.

        Args:
            pixels: uint8[n, 224, 224, 3].
            answers: bool[n], malignant.
        """
        found = np.concatenate([
            texture(tf.constant(pixels[start : start + 64])).numpy() for start in range(0, len(pixels), 64)
        ])  # fmt: skip
        mean, spread = found.mean(axis=0), found.std(axis=0) + 1e-6
        super().__init__([(found - mean) / spread, mean, spread, answers.astype(np.float32)])

    def probability(self, image: tf.Tensor) -> tf.Tensor:
        """The share of malignant among the nearest, with one more of each so that none is impossible."""
        known, mean, spread, answers = self.weights
        asked = (texture(image) - mean) / spread
        squared = tf.reduce_sum(asked**2, 1)[:, None] + tf.reduce_sum(known**2, 1)[None]
        distance = squared - 2 * tf.matmul(asked, known, transpose_b=True)
        _, nearest = tf.math.top_k(-distance, NEIGHBOURS)
        return (tf.reduce_sum(tf.gather(answers, nearest), axis=1) + 1) / (NEIGHBOURS + 2)


def texture(image: tf.Tensor) -> tf.Tensor:
    """float32[n, 256 + 96] of uint8[n, 224, 224, 3]: shares of local binary patterns, and colours of sixteen cells."""
    pixels = tf.cast(image, tf.float32)
    grey = tf.reduce_sum(pixels * tf.constant(_LUMA), axis=3)
    inner = grey[:, 1:-1, 1:-1]
    height, width = inner.shape[1], inner.shape[2]
    code = tf.zeros_like(inner)
    for bit, (down, right) in enumerate(_SHIFTS):
        neighbour = grey[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width]
        code += tf.cast(neighbour > inner, tf.float32) * float(2**bit)
    shares = tf.stack(
        [tf.reduce_mean(tf.cast(tf.equal(code, float(p)), tf.float32), (1, 2)) for p in range(_PATTERNS)], 1
    )
    side = pixels.shape[1] // _CELL
    cells = tf.reshape(pixels, (-1, _CELL, side, _CELL, side, 3))
    mean = tf.reduce_mean(cells, axis=(2, 4))
    spread = tf.sqrt(tf.reduce_mean((cells - mean[:, :, None, :, None]) ** 2, axis=(2, 4)))
    colours = tf.reshape(tf.stack([mean, spread], axis=-1), (-1, _CELL * _CELL * 3 * 2))
    return tf.concat([shares * 100.0, colours / 2.55], axis=1)
