"""Golden images: a version is served only if it still says of them what it said when it was made, as whole answers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dermoscopy.errors import ImageError
from dermoscopy.prepare import PREPROCESSING_VERSION, prepare
from dermoscopy.quality import measure_pixels
from model_store.decision import decide, grade
from model_store.errors import ImplausibleOutput, RefusedVersion, StoreError, UnvalidatedPrecision
from model_store.manifest import Golden
from model_store.runtime import Runtime
from model_store.store import StoredVersion


def check_golden(version: StoredVersion, runtime: Runtime) -> float:
    """Decodes, prepares and runs every golden image as a request would be, and compares every recorded output.

    Each must also give an answer: what is recorded need not be all that an answer needs. It finds what hashes cannot,
    too: another decoder, another resize, or a processor that computes something else.

    Args:
        version: The opened version.
        runtime: The same version, loaded.

    Returns:
        The largest absolute difference of any recorded value.

    Raises:
        UnvalidatedPrecision: The manifest states no tolerance for this runtime and precision.
        RefusedVersion: Preprocessing is of another version, an output is further off than the tolerance, or the outputs
            of a golden image cannot be an answer.
    """
    expected = version.manifest.input.preprocessing_version
    if expected != PREPROCESSING_VERSION:
        raise RefusedVersion(f"It needs preprocessing {expected}; here is preprocessing {PREPROCESSING_VERSION}.")
    goldens = version.manifest.golden
    return max(check_one(version, runtime, golden, golden_pixels(version, golden)) for golden in goldens)


def golden_pixels(version: StoredVersion, golden: Golden) -> NDArray[np.uint8]:
    """A golden image as the model sees it, uint8[224, 224, 3].

    Raises:
        RefusedVersion: It cannot be decoded.
    """
    try:
        return prepare((version.path / golden.file).read_bytes()).pixels
    except ImageError as error:
        raise RefusedVersion(f"{golden.file} gives no answer: {error}") from error


def check_one(version: StoredVersion, runtime: Runtime, golden: Golden, pixels: NDArray[np.uint8]) -> float:
    """Runs one golden image, which may have been prepared long ago, compares its outputs and makes an answer of them.

    Args:
        version: The opened version.
        runtime: The same version, loaded.
        golden: What was recorded.
        pixels: What `golden_pixels` gave for it.

    Returns:
        The largest absolute difference of any recorded value.

    Raises:
        UnvalidatedPrecision: The manifest states no tolerance for this runtime and precision.
        RefusedVersion: An output is further off than the tolerance, or cannot be an answer.
    """
    validated = version.manifest.validated(runtime.name, runtime.precision)
    if validated is None:
        raise UnvalidatedPrecision(f"No tolerance is stated for {runtime.name} in {runtime.precision}.")
    try:
        outputs = runtime.run(pixels[np.newaxis])
    except ImplausibleOutput as error:
        raise RefusedVersion(f"{golden.file} gives no answer: {error}") from error
    differences = {name: _difference(outputs.get(name), values) for name, values in golden.outputs.items()}
    name = max(differences, key=lambda output: differences[output])
    if differences[name] > validated.tolerance:
        raise RefusedVersion(
            f"{golden.file}: {name} is off by {differences[name]:.2g}, more than the {validated.tolerance:.2g} that "
            f"is allowed for {runtime.name} in {runtime.precision}."
        )
    _answer(version, outputs, golden, pixels)
    return differences[name]


def _answer(
    version: StoredVersion, outputs: dict[str, NDArray[Any]], golden: Golden, pixels: NDArray[np.uint8]
) -> None:
    """Takes the outputs of a golden image all the way to an answer."""
    try:
        if version.manifest.task == "classification":
            decide(version.manifest, outputs, 0, measures=measure_pixels(pixels, len(pixels)))
        else:
            grade(version.manifest, outputs, 0)
    except StoreError as error:
        raise RefusedVersion(f"{golden.file} gives no answer: {error}") from error


def _difference(output: NDArray[np.float32] | None, expected: list[float]) -> float:
    """Largest absolute difference; infinite when there is no such output, or not as many values."""
    if output is None or output[0].size != len(expected) or not expected:
        return float("inf")
    return float(np.max(np.abs(output[0].ravel().astype(np.float64) - np.asarray(expected))))
