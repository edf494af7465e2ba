"""The classifier's network: MobileNet, its pooled features, and one linear layer over seven diagnoses."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from training.backbone import fold, mobilenet
from training.front import Front
from training.labels import BENIGN, DIAGNOSES

DROPOUT = 0.2


def build_network(weights: str) -> keras.Model:
    """MobileNet behind the front, without batch normalisation, and a linear head.

    The model maps float32[batch, side, side, 3] in 0..255 to logits float32[batch, 7] in the order of
    `labels.DIAGNOSES`. Sub-layers: `backbone` gives the feature map float32[batch, inner/32, inner/32, 1024] of what
    the front makes of an image (`front.inner_side`), `head` the logits.

    Args:
        weights: "imagenet" (Keras's own, from the internet), "none" (random), or a path of a `.weights.h5` file.

    Raises:
        FileNotFoundError: `weights` is a path and there is no such file.
        OSError: The file cannot be read, or ImageNet weights cannot be downloaded.
        ValueError: The file holds another architecture.
    """
    backbone = fold(mobilenet(weights))
    image = keras.Input((None, None, 3), name="image")
    features = backbone(Front(name="front")(image))
    pooled = keras.layers.Dropout(DROPOUT, name="dropout")(keras.layers.GlobalAveragePooling2D(name="pool")(features))
    return keras.Model(image, keras.layers.Dense(len(DIAGNOSES), name="head")(pooled), name="classifier")


def compute_in_bfloat16(network: keras.Model) -> None:
    """Lets the backbone compute in bfloat16; weights, front and head stay in float32 (mixed precision).

    Micikevicius 2018, arXiv:1710.03740; bfloat16 has the range of float32, so that no loss needs to be scaled. For
    GPUs: on processors it is no faster.
    """
    for layer in network.get_layer("backbone").layers:
        layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")


def in_float32(network: keras.Model) -> keras.Model:
    """A network with the same weights that computes in float32 throughout, as what is exported and measured does."""
    exact = build_network("none")
    exact.set_weights(network.get_weights())
    return exact


def malignant_logit(logits: Any) -> Any:
    """Logit of malignant against benign: float32[batch] of diagnosis logits float32[batch, 7]."""
    benign = tf.constant([diagnosis in BENIGN for diagnosis in DIAGNOSES])
    malignant, other = tf.where(benign, -1e9, logits), tf.where(benign, logits, -1e9)
    return tf.reduce_logsumexp(malignant, axis=1) - tf.reduce_logsumexp(other, axis=1)


def paired_loss(masks: Any, logits: Any, weight: float) -> Any:
    """Partial label loss, plus a penalty where a picture and its degraded copy get different answers.

    The squared difference of their malignant logits is taken relative to the variance of the logits in the batch, which
    is differentiated too: otherwise the network would learn to make all logits small.

    Args:
        masks: float32[2 n, 7]; the second half are the copies of the first.
        logits: float32[2 n, 7].
        weight: Of the relative mean squared difference of the malignant logits.

    Returns:
        float32 scalar.
    """
    malignant = malignant_logit(logits)
    original, copy = tf.split(malignant, 2)
    relative = tf.reduce_mean((original - copy) ** 2) / (tf.math.reduce_variance(malignant) + 1e-3)
    return tf.reduce_mean(partial_label_loss(masks, logits)) + weight * relative


def partial_label_loss(masks: Any, logits: Any) -> Any:
    """Negative log probability of the set of diagnoses that each label leaves open.

    Jin and Ghahramani 2002, "Learning with multiple labels": the likelihood of a set is the sum over its members.

    Args:
        masks: float32[batch, 7], 1 where the label allows the diagnosis.
        logits: float32[batch, 7].

    Returns:
        float32[batch].
    """
    allowed = tf.where(masks > 0, logits, -1e9)
    return tf.reduce_logsumexp(logits, axis=1) - tf.reduce_logsumexp(allowed, axis=1)
