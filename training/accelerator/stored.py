"""The files in which weights travel: what was learned, teachers, and what teachers start from."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

History = list[dict[str, float]]


class BadWeights(ValueError):
    """The file holds no weights of this network; the message says why."""


@dataclass(frozen=True)
class Learned:
    """What one file holds.

    Attributes:
        weights: In Keras's order, backbone and then head.
        described: Where they come from, as plain values; of what was learned: recipe, sources, base, split, device.
        history: Loss and validation AUC by epoch.
    """

    weights: list[NDArray[np.float32]]
    described: dict[str, Any]
    history: History


def read_learned(file: Path) -> Learned:
    """Reads what `write_learned` wrote.

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


def write_learned(file: Path, learned: Learned, kind: DTypeLike = np.float16) -> None:
    """Writes a file, whole or not at all.

    Args:
        file: Ends in ".npz".
        learned: What it is to hold.
        kind: Of the numbers in it.

    Raises:
        OSError: It cannot be written.
    """
    arrays = {f"weight-{number}": np.asarray(values, kind) for number, values in enumerate(learned.weights)}
    described, history = json.dumps(learned.described), json.dumps(learned.history)
    partial = file.with_name(f"{file.stem}.partial.npz")
    np.savez(partial, described=described, history=history, **arrays)  # type: ignore[arg-type]
    partial.rename(file)
