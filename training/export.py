"""Writes a network as the SavedModel of the version contract: everything that an answer needs from one pass.

Weights are stored as float16 and cast in the graph, in one flat list of variables: a saved module that holds a Keras
model cannot be read by OpenVINO, and Keras's own export stores every weight twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dermoscopy.prepare import SIDE
from model_store.manifest import Learned
from training.backbone import fold, mobilenet
from training.calibration import Platt
from training.depths import Correction
from training.front import to_input
from training.gatekeeper import FARTHEST, Gatekeeper, pooled, tapped
from training.labels import class_matrix
from training.novelty import Novelty

Gatekeepers = Mapping[Learned, Gatekeeper]


def _half(values: Any) -> tf.Variable:
    """Values as a float16 variable; an infinite variance would silently switch a channel off.

    Raises:
        ValueError: A value is beyond float16's largest, 65504, or not finite.
    """
    full = np.asarray(values, np.float32)
    if not (np.abs(full) <= np.finfo(np.float16).max).all():
        raise ValueError("a weight is too large for float16, or not finite")
    return tf.Variable(full.astype(np.float16), trainable=False)


class _Exported(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """A backbone's and a head's weights as flat float16 variables, and the way from pixels to pooled features."""

    def __init__(self, backbone: keras.Model, kernel: Any, bias: Any) -> None:
        super().__init__("exported")
        self.weights = [_half(v) for v in [*backbone.trainable_variables, *backbone.non_trainable_variables]]
        self.kernel = tf.Variable(np.asarray(kernel, np.float32), trainable=False)
        self.bias = tf.Variable(np.asarray(bias, np.float32), trainable=False)
        split = len(backbone.trainable_variables)

        def run(model: keras.Model, image: tf.Tensor) -> Any:
            cast = [tf.cast(v, tf.float32) for v in self.weights]
            pixels = to_input(tf.cast(image, tf.float32))
            results, _ = model.stateless_call(cast[:split], cast[split:], pixels, training=False)
            return results

        taps = tapped(backbone)
        self.feature_map: Callable[[tf.Tensor], tf.Tensor] = partial(run, backbone)
        self.feature_maps: Callable[[tf.Tensor], list[tf.Tensor]] = partial(run, taps)

    def save(self, folder: Path) -> None:
        """Trace `answer` as `serving_default` and save."""
        spec = tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8, name="image")
        # autograph would read this file again, which may have changed since a long training began
        signature = tf.function(self.answer, input_signature=[spec], autograph=False).get_concrete_function()
        tf.saved_model.save(self, str(folder), signatures={"serving_default": signature})

    def answer(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """The outputs of the signature."""
        raise NotImplementedError


class _Gate(tf.Module):  # type: ignore[misc]
    def __init__(self, gatekeeper: Gatekeeper) -> None:
        super().__init__("gate")
        self.mean, self.scale, self.weights = (
            tf.Variable(values, trainable=False) for values in (gatekeeper.mean, gatekeeper.scale, gatekeeper.weights)
        )
        self.bias = gatekeeper.bias

    def __call__(self, seen: tf.Tensor) -> tf.Tensor:
        """See `gatekeeper.Gatekeeper`: float32[batch], 0 to 1."""
        scaled = tf.clip_by_value((seen - self.mean) * self.scale, -FARTHEST, FARTHEST)
        return tf.sigmoid(tf.linalg.matvec(scaled, self.weights) + self.bias)


class _Depths(tf.Module):  # type: ignore[misc]
    def __init__(self, correction: Correction) -> None:
        super().__init__("depths")
        self.mean, self.scale, self.kernel, self.bias = (
            tf.Variable(values, trainable=False)
            for values in (correction.mean, correction.scale, correction.kernel, correction.bias)
        )

    def __call__(self, seen: tf.Tensor) -> tf.Tensor:
        """See `depths.Correction`: float32[batch, 7]."""
        return Correction(self.mean, self.scale, self.kernel, self.bias).of(seen)

    def by_last_means(self, size: int) -> tf.Tensor:
        """How the logits rise with the means of the last map, where nothing is cut: float32[size, 7]."""
        last = slice(-2 * size, -size)
        return self.kernel[last] * self.scale[last][:, None]


class _Classifier(_Exported):
    def __init__(
        self,
        network: keras.Model,
        platt: Platt,
        novelty: Novelty,
        gatekeepers: Gatekeepers,
        correction: Correction | None = None,
    ) -> None:
        super().__init__(network.get_layer("backbone"), *network.get_layer("head").get_weights())
        self.depths = None if correction is None else _Depths(correction)
        self.mean = tf.Variable(novelty.mean, trainable=False)
        self.axes = _half(novelty.axes)
        self.gates = {name: _Gate(gatekeeper) for name, gatekeeper in gatekeepers.items()}
        self.platt, self.leftover = platt, novelty.leftover
        self.deviations = 1 / np.linalg.norm(novelty.axes, axis=0)

    def answer(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Outputs for uint8[batch, 224, 224, 3], all float32.

        Returns:
            probability[batch]: Of malignant, calibrated, 0 to 1.
            logit[batch]: Of the same.
            classes[batch, 3]: Probabilities of `labels.CLASSES`, which sum to 1.
            diagnoses[batch, 7]: Probabilities of `labels.DIAGNOSES`; those of a class sum to that of the class.
            activation_map[batch, 5, 5]: See `_activation_map`.
            novelty[batch]: See `novelty.Novelty`.
            One for each gatekeeper[batch]: See `gatekeeper.Gatekeeper`, 0 to 1.
        """
        maps = self.feature_maps(image)
        features = maps[-1]
        pooled_features = tf.reduce_mean(features, axis=(1, 2))
        seen = pooled(maps)
        diagnoses = pooled_features @ self.kernel + self.bias
        if self.depths is not None:
            diagnoses += self.depths(seen)
        members = tf.constant(class_matrix())  # [7, 3]
        by_class, logit = calibrated(diagnoses, self.platt)
        probability = tf.sigmoid(logit)
        among_malignant = tf.nn.softmax(by_class[:, :2], axis=1)
        classes = tf.concat([probability[:, None] * among_malignant, 1 - probability[:, None]], axis=1)
        # Inside a class as the network has them; the class itself as it was calibrated.
        inside = tf.exp(diagnoses - tf.matmul(by_class, members, transpose_b=True))
        return {
            "probability": probability,
            "logit": logit,
            "classes": classes,
            "diagnoses": inside * tf.matmul(classes, members, transpose_b=True),
            "activation_map": self._activation_map(features, diagnoses, members),
            "novelty": self._novelty(pooled_features),
            **{name: gate(seen) for name, gate in self.gates.items()},
        }

    def _activation_map(self, features: tf.Tensor, diagnoses: tf.Tensor, members: tf.Tensor) -> tf.Tensor:
        """Class activation map (Zhou 2016, arXiv:1512.04150) of the malignant logit, from the same pass.

        The logit is a log-sum-exp over malignant minus one over benign diagnoses; its gradient by each diagnosis's
        logit weights that diagnosis's map. float32[batch, 5, 5], positive where a place speaks for malignancy. Of what
        the other depths add, it has the part that goes by the means of the last map.
        """
        malignant = members[:, 0] + members[:, 1]
        rise = tf.nn.softmax(diagnoses + (malignant - 1) * 1e9) - tf.nn.softmax(diagnoses - malignant * 1e9)
        kernel = self.kernel if self.depths is None else self.kernel + self.depths.by_last_means(features.shape[-1])
        direction = tf.linalg.matvec(kernel, rise)  # [batch, 1024]
        return self.platt.slope * tf.einsum("bhwc,bc->bhw", features, direction)

    def _novelty(self, features: tf.Tensor) -> tf.Tensor:
        """See `novelty.Novelty`."""
        centred = features - self.mean
        whitened = centred @ tf.cast(self.axes, tf.float32)
        inside = tf.reduce_sum((whitened * self.deviations.astype(np.float32)) ** 2, axis=1)
        outside = tf.maximum(tf.reduce_sum(centred**2, axis=1) - inside, 0.0)
        return tf.sqrt((tf.reduce_mean(whitened**2, axis=1) + outside / self.leftover) / 2)


class _Grader(_Exported):
    def answer(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Outputs for uint8[batch, 224, 224, 3]: float32[batch, 3], the probabilities of the grades, which sum to 1."""
        pooled = tf.reduce_mean(self.feature_map(image), axis=(1, 2))
        return {"probabilities": grades(pooled @ self.kernel + self.bias)}


def calibrated(diagnoses: Any, platt: Platt) -> tuple[Any, Any]:
    """Logits of the three classes and the calibrated logit of malignant.

    Args:
        diagnoses: float32[batch, 7], logits in the order of `labels.DIAGNOSES`.
        platt: The calibration.

    Returns:
        float32[batch, 3] and float32[batch].
    """
    # One log-sum-exp per class; -1e9 takes the other classes' diagnoses out of the sum.
    by_class = tf.reduce_logsumexp(diagnoses[:, :, None] + (tf.constant(class_matrix())[None] - 1) * 1e9, axis=1)
    malignant = tf.reduce_logsumexp(by_class[:, :2], axis=1)
    return by_class, platt.slope * (malignant - by_class[:, 2]) + platt.intercept


def grades(questions: Any) -> Any:
    """Probabilities of the three grades, float32[batch, 3], of the logits of the grader's two questions."""
    invasive, metastasis = tf.unstack(tf.sigmoid(questions), axis=1)
    return tf.stack([(1 - metastasis) * (1 - invasive), (1 - metastasis) * invasive, metastasis], axis=1)


def export_classifier(  # noqa: PLR0913 - all that is in the graph
    network: keras.Model,
    platt: Platt,
    novelty: Novelty,
    gatekeepers: Gatekeepers,
    folder: Path,
    *,
    correction: Correction | None = None,
) -> None:
    """Write the classifier's SavedModel.

    Its outputs: probability, logit, classes, diagnoses, activation_map, novelty, and one for each gatekeeper.
    """
    _Classifier(network, platt, novelty, gatekeepers, correction).save(folder)


def export_grader(network: keras.Model, kernel: Any, bias: Any, folder: Path) -> None:
    """Write the grader's SavedModel on a classifier's backbone: output probabilities, float32[batch, 3].

    Args:
        network: The classifier's network.
        kernel: float[1024, 2] of the two questions of `grader.Sequential`.
        bias: float[2].
        folder: Where to.
    """
    _Grader(network.get_layer("backbone"), kernel, bias).save(folder)


def load_published(network: keras.Model, folder: Path) -> None:
    """Set a network's weights to those of a published classifier, to go on from it or to build a grader on it.

    Versions that were published with batch normalisation (classifier/1) are folded on the way.

    Raises:
        ValueError: The version holds another architecture.
    """
    saved = tf.saved_model.load(str(folder))
    found = [np.asarray(value, np.float32) for value in getattr(saved, "weights", [])]
    backbone, head = network.get_layer("backbone"), network.get_layer("head")
    if len(found) > len(backbone.weights):
        found = _without_normalisation(found)
    found += [np.asarray(getattr(saved, name, ()), np.float32) for name in ("kernel", "bias")]
    targets = [*backbone.trainable_variables, *backbone.non_trainable_variables, *head.trainable_variables]
    if [tuple(target.shape) for target in targets] != [value.shape for value in found]:
        raise ValueError(f"{folder} does not hold the weights of this network")
    for target, value in zip(targets, found, strict=True):
        target.assign(value)


def published_correction(folder: Path) -> Correction | None:
    """What all depths add in a published classifier; None if nothing: classifier/1 to 5 have no such part."""
    depths = getattr(tf.saved_model.load(str(folder)), "depths", None)
    if depths is None:
        return None
    mean, scale, kernel, bias = map(np.asarray, (depths.mean, depths.scale, depths.kernel, depths.bias))
    return Correction(mean, scale, kernel, bias)


def _without_normalisation(weights: list[Any]) -> list[Any]:
    """The folded backbone's weights, of kernels that are followed by all normalisations' gammas, betas and so on."""
    normalised = mobilenet("none")
    for layer in normalised.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    targets = [*normalised.trainable_variables, *normalised.non_trainable_variables]
    if [tuple(target.shape) for target in targets] != [value.shape for value in weights]:
        return []
    for target, value in zip(targets, weights, strict=True):
        target.assign(value)
    return [np.asarray(value) for value in fold(normalised).trainable_variables]
