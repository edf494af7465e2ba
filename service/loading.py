"""From a version whose files are verified to one that may answer."""

import numpy as np
from numpy.typing import NDArray

from model_store.compiled import CompiledModels
from model_store.errors import RefusedForNow, RefusedVersion, StoreError
from model_store.golden import check_golden, golden_pixels
from model_store.runtime import Precision, Runtime, fastest_precision, load
from model_store.store import StoredVersion
from service import log
from service.settings import Settings

CLASSIFIER = "classifier"
GRADER = "grader"
COMPILED = "compiled"
"""Folder in the state folder."""
TASKS = {CLASSIFIER: "classification", GRADER: "grading"}


def load_and_try(stored: StoredVersion, settings: Settings) -> tuple[Runtime, NDArray[np.uint8]]:
    """Loads a version and takes its golden images through it, which is also its warm-up.

    Returns:
        The runtime, and its first golden image as the model sees it: the runtime can be tried again with it when the
        files are gone.

    Raises:
        RefusedVersion: It is for another task, cannot be loaded, or does not say of its golden images what it said.
        RefusedForNow: A file cannot be read, or there is no memory.
        RuntimeUnavailable: The runtime cannot run it.
    """
    expected = TASKS.get(stored.name)
    if expected is not None and stored.manifest.task != expected:
        raise RefusedVersion(f"Its task is {stored.manifest.task}; a {stored.name} must be for {expected}.")
    if settings.precision != "auto":
        return _load_and_try(stored, settings, settings.precision)
    precision = fastest_precision(stored, settings.runtime)
    if precision != "f32":
        try:
            return _load_and_try(stored, settings, precision)
        except RefusedVersion as error:
            reason = str(error)
            log.event("precision_not_used", model=stored.name, version=stored.version, tried=precision, reason=reason)
    return _load_and_try(stored, settings, "f32")


def _load_and_try(stored: StoredVersion, settings: Settings, precision: Precision) -> tuple[Runtime, NDArray[np.uint8]]:
    """With what earlier starts compiled; if the version is refused so, once more with nothing but its own files."""
    compiled = CompiledModels(settings.state / COMPILED, stored.digest)
    try:
        return _try(stored, settings, precision, compiled)
    except RefusedVersion as error:
        if not compiled.used:
            raise
        log.event("compiled_not_used", model=stored.name, version=stored.version, reason=str(error))
    return _try(stored, settings, precision, CompiledModels(compiled.folder, stored.digest, anew=True))


def _try(
    stored: StoredVersion, settings: Settings, precision: Precision, compiled: CompiledModels
) -> tuple[Runtime, NDArray[np.uint8]]:
    runtime_name, threads = settings.runtime, settings.threads
    try:
        runtime = load(stored, runtime=runtime_name, precision=precision, threads=threads, compiled=compiled)
        check_golden(stored, runtime)
        sample = golden_pixels(stored, stored.manifest.golden[0])
    except StoreError:
        raise
    except Exception as error:
        # Whatever a runtime raises over a model's files, that model must not answer, and the others must.
        log.failure("load_failed", error, model=stored.name, version=stored.version)
        refusal = RefusedForNow if isinstance(error, (OSError, MemoryError)) else RefusedVersion
        raise refusal(f"It cannot be loaded ({type(error).__name__}); the log says where.") from error
    return runtime, sample
