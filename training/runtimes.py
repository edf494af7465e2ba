"""Compares runtimes and precisions on real images; only what stays close to TensorFlow may serve a version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_store.manifest import ValidatedRuntime
from model_store.runtime import Runtime, load_directory
from model_store.runtime_openvino import computes_bf16
from training.bfloat16 import Emulated

IMAGES = 200
LARGEST_ALLOWED = 0.03
"""A precision that moves a probability further than this is not validated."""
LEAST_TOLERANCE = {"f32": 0.002, "bf16": 0.02}
"""Other processors sum in another order, so golden outputs may differ by more than on the machine that measured."""


def _run(runtime: Runtime, images: NDArray[np.uint8], output: str) -> NDArray[np.float32]:
    bar = tqdm(images, desc=f"{runtime.name} {runtime.precision}", unit="img")
    return np.concatenate([runtime.run(image[None])[output] for image in bar])


def validate_runtimes(
    folder: Path, images: NDArray[np.uint8], output: str, emulated: Emulated
) -> list[ValidatedRuntime]:
    """Measure how far each runtime and precision is from TensorFlow in f32.

    Args:
        folder: The exported SavedModel.
        images: uint8[n, 224, 224, 3], real and golden ones.
        output: The probability output that is compared: "probability" or "probabilities".
        emulated: Gives that output as bfloat16 would, where this machine does not compute in it.

    Returns:
        TensorFlow itself, and every OpenVINO precision that stays within `LARGEST_ALLOWED`.
    """
    reference = _run(load_directory(folder, runtime="tensorflow"), images, output)
    validated = [
        ValidatedRuntime(
            runtime="tensorflow",
            precision="f32",
            images=len(images),
            mean_difference=0.0,
            largest_difference=0.0,
            tolerance=LEAST_TOLERANCE["f32"],
        )
    ]
    for precision in ("f32", "bf16"):
        real = precision == "f32" or computes_bf16()
        found = _run(load_directory(folder, precision=precision), images, output) if real else emulated.run(images)
        difference = np.abs(found - reference)
        largest = float(difference.max())
        if largest <= LARGEST_ALLOWED:
            validated.append(
                ValidatedRuntime(
                    runtime="openvino",
                    precision=precision,
                    images=len(images),
                    mean_difference=float(difference.mean()),
                    largest_difference=largest,
                    tolerance=max(LEAST_TOLERANCE[precision], 2 * largest),
                    emulated=not real,
                )
            )
    return validated
