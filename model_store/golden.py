"""Golden images: a version is served only if it still says of them what it said when it was made."""

import numpy as np
from numpy.typing import NDArray

from dermoscopy.errors import ImageError
from dermoscopy.prepare import PREPROCESSING_VERSION, prepare
from model_store.errors import ImplausibleOutput, RefusedVersion, UnvalidatedPrecision
from model_store.manifest import Golden
from model_store.runtime import Runtime
from model_store.store import StoredVersion


def check_golden(version: StoredVersion, runtime: Runtime) -> float:
    """Decodes, prepares and runs every golden image as a request would be, and compares every recorded output.

    It also finds what hashes cannot: another decoder, another resize, or a processor that computes something else.

    Args:
        version: The opened version.
        runtime: The same version, loaded.

    Returns:
        The largest absolute difference of any recorded value.

    Raises:
        UnvalidatedPrecision: The manifest states no tolerance for this runtime and precision.
        RefusedVersion: Preprocessing is of another version, or an output is further off than the tolerance.
    """
    validated = version.manifest.validated(runtime.name, runtime.precision)
    if validated is None:
        raise UnvalidatedPrecision(f"No tolerance is stated for {runtime.name} in {runtime.precision}.")
    expected = version.manifest.input.preprocessing_version
    if expected != PREPROCESSING_VERSION:
        raise RefusedVersion(f"It needs preprocessing {expected}; here is preprocessing {PREPROCESSING_VERSION}.")
    return max(_check(version, runtime, golden, validated.tolerance) for golden in version.manifest.golden)


def _check(version: StoredVersion, runtime: Runtime, golden: Golden, tolerance: float) -> float:
    try:
        pixels = prepare((version.path / golden.file).read_bytes()).pixels
        outputs = runtime.run(pixels[np.newaxis])
    except (ImageError, ImplausibleOutput) as error:
        raise RefusedVersion(f"{golden.file} gives no answer: {error}") from error
    differences = {name: _difference(outputs.get(name), values) for name, values in golden.outputs.items()}
    name = max(differences, key=lambda output: differences[output])
    if differences[name] > tolerance:
        raise RefusedVersion(
            f"{golden.file}: {name} is off by {differences[name]:.2g}, more than the {tolerance:.2g} that "
            f"is allowed for {runtime.name} in {runtime.precision}."
        )
    return differences[name]


def _difference(output: NDArray[np.float32] | None, expected: list[float]) -> float:
    """Largest absolute difference; infinite when there is no such output, or not as many values."""
    if output is None or output[0].size != len(expected) or not expected:
        return float("inf")
    return float(np.max(np.abs(output[0].ravel().astype(np.float64) - np.asarray(expected))))
