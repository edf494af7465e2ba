"""Brings what an accelerator learned back: weights into a network, and what is known of how they were made."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

LAYERS = ("backbone", "head")


class BadWeights(ValueError):
    """The file holds no weights of this network; the message says why."""


@dataclass(frozen=True)
class Learned:
    """What one file holds.

    Attributes:
        weights: In Keras's order, backbone and then head.
        described: Recipe, sources, base, split and device, as plain values.
        history: Loss and validation AUC by epoch.
    """

    weights: list[NDArray[np.float32]]
    described: dict[str, Any]
    history: list[dict[str, float]]


def read_learned(file: Path) -> Learned:
    """Reads what `python -m training.accelerator` wrote.

    Raises:
        BadWeights: It did not write this file.
        OSError: The file cannot be read.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            count = sum(name.startswith("weight-") for name in arrays)
            weights = [np.asarray(arrays[f"weight-{number}"], np.float32) for number in range(count)]
            return Learned(weights, json.loads(str(arrays["described"])), json.loads(str(arrays["history"])))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadWeights(f"{file} holds no learned weights: {error}") from error


def weights_of(network: keras.Model) -> list[NDArray[np.float32]]:
    """A network's weights in the order of a pack."""
    return [values for name in LAYERS for values in network.get_layer(name).get_weights()]


def give(network: keras.Model, learned: Learned) -> None:
    """Puts learned weights into a network.

    Raises:
        BadWeights: They are those of another one.
    """
    rest = list(learned.weights)
    for name in LAYERS:
        layer = network.get_layer(name)
        count = len(layer.get_weights())
        try:
            layer.set_weights(rest[:count])
        except ValueError as error:
            raise BadWeights(f"the learned weights are those of another network: {error}") from error
        rest = rest[count:]
