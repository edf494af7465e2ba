"""Puts what an accelerator learned into a network, and takes out what it is to begin with."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from training.accelerator.stored import BadWeights, Learned

LAYERS = ("backbone", "head")


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
