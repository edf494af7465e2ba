"""A candidate's network: bases, joined features, dropout and one logit of malignant; and its SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dermoscopy.prepare import SIDE
from training.paper.bases import build_base, weights_of
from training.paper.candidates import Candidate
from training.paper.recipe import PaperRecipe

HEAD = "head"


def side_of(candidate: Candidate, recipe: PaperRecipe) -> int:
    """Side of its pictures: that of the recipe, or the smaller one of what starts from random weights.

    Bases that learned alone and are joined shrink the pictures themselves, each to its own side. InceptionV3 takes
    nothing below 75 pixels, so with it, and beside it, the side is 96.
    """
    if candidate.kind != "scratch":
        return recipe.side
    large = "inceptionv3" in (*candidate.bases, candidate.beside)
    return 96 if large and recipe.scratch_side < 75 else recipe.scratch_side


def build(candidate: Candidate, recipe: PaperRecipe, weights: str) -> keras.Model:
    """float32[n, side, side, 3], 0 to 255, to the logit of malignant, float32[n, 1].

    Args:
        candidate: Which.
        recipe: Side and dropout.
        weights: A folder of weights, or "imagenet"; not looked at for a candidate that starts from random weights.

    Returns:
        The network. Bases that are to be joined have random weights still.
    """
    keras.utils.set_random_seed(recipe.seed)
    side = side_of(candidate, recipe)
    image = keras.Input((side, side, 3), name="image")
    features = []
    for base, member in zip(candidate.bases, candidate.members, strict=True):
        given = None if member.kind == "scratch" else weights_of(base, weights)
        own_side = side_of(member, recipe)
        learns = candidate.kind in ("scratch", "fine-tuned")
        features.append(build_base(base, given, own_side, learns=learns)(resized(image, own_side)))
    joined = keras.layers.Concatenate()(features) if len(features) > 1 else features[0]
    dropped = keras.layers.Dropout(recipe.dropout)(joined)
    return keras.Model(image, keras.layers.Dense(1, name=HEAD)(dropped), name=candidate.name.replace("-", "_"))


class Exported(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Whatever gives a probability for prepared images, as a SavedModel that both runtimes read.

    Weights are a flat list of variables: OpenVINO cannot read a saved module that holds a Keras model.
    """

    def __init__(self, weights: list[Any]) -> None:
        super().__init__("exported")
        self.weights = [tf.Variable(np.asarray(value, np.float32), trainable=False) for value in weights]

    def probability(self, image: tf.Tensor) -> tf.Tensor:
        """float32[n] of uint8[n, 224, 224, 3]."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Writes the SavedModel with the one output `probability`."""
        spec = tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8, name="image")

        def answer(image: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probability": self.probability(image)}

        signature = tf.function(answer, input_signature=[spec], autograph=False).get_concrete_function()
        tf.saved_model.save(self, str(folder), signatures={"serving_default": signature})


class ExportedNetwork(Exported):
    """A candidate's network, ensembles included, as one SavedModel."""

    def __init__(self, network: keras.Model) -> None:
        trainable, fixed = network.trainable_variables, network.non_trainable_variables
        # The seeds of dropout are variables, too, and no numbers of the function.
        self._integers = [np.asarray(value) for value in fixed if not value.dtype.startswith("float")]
        self._is_float = [value.dtype.startswith("float") for value in fixed]
        floats = [value for value, is_float in zip(fixed, self._is_float, strict=True) if is_float]
        super().__init__([np.asarray(value) for value in [*trainable, *floats]])
        self._network, self._split = _Unsaved(network), len(trainable)
        self._side = int(network.input_shape[1])

    def probability(self, image: tf.Tensor) -> tf.Tensor:
        """See `Exported.probability`."""
        floats, integers = iter(self.weights[self._split :]), iter(self._integers)
        fixed = [next(floats) if is_float else tf.constant(next(integers)) for is_float in self._is_float]
        pixels = resized(tf.cast(image, tf.float32), self._side)
        logits, _ = self._network.it.stateless_call(self.weights[: self._split], fixed, pixels, training=False)
        return tf.sigmoid(logits[:, 0])


class _Unsaved:
    """Holds what tf.Module must not find among its attributes."""

    def __init__(self, it: keras.Model) -> None:
        self.it = it


def resized(images: tf.Tensor, side: int) -> tf.Tensor:
    """Square pictures at another side, each pixel the mean of those that it covers."""
    if side == images.shape[1]:
        return images
    line = _area_weights(images.shape[1], side)
    return keras.ops.einsum("ij,njkc,lk->nilc", line, images, line)


def _area_weights(source: int, target: int) -> tf.Tensor:
    """float32[target, source]: how much of each source pixel a target pixel covers; rows sum to 1."""
    edges = np.arange(target + 1) * source / target
    pixel = np.arange(source)
    covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    covered = np.clip(covered, 0, None)
    return tf.constant((covered / covered.sum(axis=1, keepdims=True)).astype(np.float32))
