"""Weights by the names that a file of published weights has them under."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.accelerator.efficientnet_lite import EfficientNetLite


def state_of(lite: EfficientNetLite) -> dict[str, NDArray[Any]]:
    """Made-up arrays of a whole network, also those that nobody needs."""
    random = np.random.default_rng(0)
    state: dict[str, NDArray[Any]] = {"_fc.weight": np.zeros((1000, 1280)), "_fc.bias": np.zeros(1000)}

    def add(prefix: str, conv: str, norm: str, shape: tuple[int, ...]) -> None:
        state[f"{prefix}{conv}.weight"] = random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        for part, low, high in (("weight", 1, 2), ("bias", 0, 1), ("running_mean", -1, 1), ("running_var", 0.5, 1)):
            state[f"{prefix}{norm}.{part}"] = random.uniform(low, high, shape[0]).astype(np.float32)
        state[f"{prefix}{norm}.num_batches_tracked"] = np.array(7)

    add("", "_conv_stem", "_bn0", (32, 3, 3, 3))
    for number, (side, _, expand, inputs, outputs) in enumerate(lite.blocks()):
        prefix, wide = f"_blocks.{number}.", expand * inputs
        if expand > 1:
            add(prefix, "_expand_conv", "_bn0", (wide, inputs, 1, 1))
        add(prefix, "_depthwise_conv", "_bn1", (wide, 1, side, side))
        add(prefix, "_project_conv", "_bn2", (outputs, wide, 1, 1))
    add("", "_conv_head", "_bn1", (1280, outputs, 1, 1))
    return state
