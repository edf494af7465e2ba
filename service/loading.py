"""From a version whose files are verified to one that may answer."""

import numpy as np

from dermoscopy.prepare import prepare
from model_store.decision import decide, grade
from model_store.errors import RefusedVersion, StoreError
from model_store.golden import check_golden
from model_store.runtime import Runtime, load
from model_store.store import StoredVersion
from service import log
from service.settings import Settings

CLASSIFIER = "classifier"
GRADER = "grader"
TASKS = {CLASSIFIER: "classification", GRADER: "grading"}


def load_and_try(stored: StoredVersion, settings: Settings) -> Runtime:
    """Loads a version and takes its golden images through it, which is also its warm-up.

    Raises:
        RefusedVersion: It is for another task, cannot be loaded, or does not say of its golden images what it said.
        RuntimeUnavailable: The runtime cannot run it.
    """
    expected = TASKS.get(stored.name)
    if expected is not None and stored.manifest.task != expected:
        raise RefusedVersion(f"Its task is {stored.manifest.task}; a {stored.name} must be for {expected}.")
    try:
        runtime = load(stored, runtime=settings.runtime, precision=settings.precision, threads=settings.threads)
        check_golden(stored, runtime)
        _rehearse(stored, runtime)
    except StoreError:
        raise
    except Exception as error:
        # Whatever a runtime raises over a model's files, that model must not answer, and the others must.
        log.failure("load_failed", error, model=stored.name, version=stored.version)
        raise RefusedVersion(f"It cannot be loaded ({type(error).__name__}); the log says where.") from error
    return runtime


def _rehearse(stored: StoredVersion, runtime: Runtime) -> None:
    """Takes one golden image all the way to an answer: the golden outputs need not hold all that an answer needs."""
    pixels = prepare((stored.path / stored.manifest.golden[0].file).read_bytes()).pixels
    outputs = runtime.run(pixels[np.newaxis])
    try:
        if stored.manifest.task == "classification":
            decide(stored.manifest, outputs, 0)
        else:
            grade(stored.manifest, outputs, 0)
    except StoreError as error:
        raise RefusedVersion(f"A golden image gives no answer: {error}") from error
