"""The versions in memory: verified, loaded, tried on their golden images, and given back when nobody needs them.

Everything here that touches the store is blocking and belongs in a worker thread.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model_store.errors import RefusedVersion, RuntimeUnavailable, StoreError
from model_store.manifest import Pinned
from model_store.runtime import Runtime
from model_store.store import Store, StoredVersion
from service import log
from service.loading import load_and_try
from service.memory import return_memory
from service.settings import Settings

Key = tuple[str, int]


@dataclass(frozen=True)
class Served:
    """A version that may answer, and for a grader the classifier that it pins."""

    stored: StoredVersion
    runtime: Runtime
    sample: NDArray[np.uint8] = field(repr=False)
    """Its first golden image as the model sees it, uint8[224, 224, 3]."""
    classifier: "Served | None" = None

    @property
    def key(self) -> Key:
        """Name and number."""
        return self.stored.name, self.stored.version


@dataclass(frozen=True)
class Condition:
    """How a version stands: what /models and /readyz say of it."""

    state: Literal["available", "serving", "loading", "refused"]
    reason: str | None = None
    stored: StoredVersion | None = None
    served: Served | None = None


@dataclass(frozen=True)
class _Trial:
    """The outcome of a trial, which stands until a file that it depends on changes."""

    depends: tuple[Key, ...]
    fingerprint: int
    stored: StoredVersion | None = None
    error: StoreError | None = None

    @property
    def condition(self) -> Condition:
        """What it says of the version: refused for the error, or available."""
        return Condition("refused", str(self.error)) if self.error else Condition("available", stored=self.stored)


class Versions:
    """Every version in memory, and what is known of those that are not. Safe to use from many threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self._settings = settings
        # One version is loaded at a time: it takes every core for a moment.
        self._lock = threading.RLock()
        self._loaded: dict[Key, Served] = {}
        self._asked: dict[Key, float] = {}
        self._loading: set[Key] = set()
        self._trials: dict[Key, _Trial] = {}

    def in_memory(self, key: Key, digest: str | None = None) -> Served | None:
        """The version if it is loaded and has the digest; costs nothing."""
        served = self._loaded.get(key)
        if served is None or digest not in (None, served.stored.digest):
            return None
        self._asked[key] = time.monotonic()
        return served

    def loaded(self) -> list[Served]:
        """What is in memory now."""
        return list(self._loaded.values())

    def expect_crowds(self) -> None:
        """Makes versions ready for many images at once that were asked for them; a lone image is answered without."""
        crowded = [served for served in self.loaded() if served.runtime.crowded]
        if crowded:
            return_memory()  # also before, since that is when the most is needed
        for served in crowded:
            served.runtime.expect_crowds()
        if crowded:
            return_memory()

    def states(self) -> list[tuple[str, int, str]]:
        """Name, number and state of every version that was looked at; costs nothing."""
        known = {key: trial.condition.state for key, trial in list(self._trials.items())}
        known |= dict.fromkeys(list(self._loaded), "serving")
        return [(name, version, state) for (name, version), state in sorted(known.items())]

    def get(self, name: str, version: int, digest: str | None = None) -> Served:
        """The version, loaded if need be (about half a second).

        Args:
            name: The model.
            version: Its number.
            digest: The digest that it must have.

        Raises:
            UnknownModel, UnknownVersion: There is nothing to load.
            RefusedVersion: It must not be served, or has another digest.
            RuntimeUnavailable: The runtime cannot run it.
        """
        key = (name, version)
        with self._lock:
            served = self.in_memory(key, digest)
            if served is not None:
                return served
            known = self._known(key)
            if known is not None and known.error is not None:
                raise type(known.error)(known.error.message)
            if known is not None and known.stored is not None:
                _check_digest(known.stored, digest)
            served = self._try(key, self._pinned_classifier)
            _check_digest(served.stored, digest)
            self._loaded[key] = served
            self._asked[key] = time.monotonic()
            return served

    def condition(self, name: str, version: int) -> Condition:
        """How a version stands. One that is not in memory is tried once, which takes about half a second.

        Raises:
            UnknownModel, UnknownVersion: There is none.
        """
        key = (name, version)
        if key in self._loading:
            return Condition("loading")
        with self._lock:
            served = self._loaded.get(key)
            if served is not None:
                return Condition("serving", stored=served.stored, served=served)
            if self._known(key) is None:
                try:
                    self._try(key, self._vouch_for)
                except (RefusedVersion, RuntimeUnavailable) as error:
                    return Condition("refused", str(error))
                finally:
                    return_memory()  # it was only tried
            return self._trials[key].condition

    def unload(self, keep: Collection[Served], idle_seconds: float) -> list[Key]:
        """Forgets what is not kept, not pinned by what is kept, and was not asked for lately.

        Requests under way finish with the version that they have; its memory comes back when the last one ends.

        Returns:
            What was forgotten.
        """
        kept = {served.key for served in keep} | {served.classifier.key for served in keep if served.classifier}
        now = time.monotonic()
        with self._lock:
            idle = [key for key in self._loaded if key not in kept and now - self._asked.get(key, 0.0) >= idle_seconds]
            for key in idle:
                del self._loaded[key]
        if idle:
            return_memory()
        return idle

    def _try(self, key: Key, pinned: Callable[[Pinned], Served | None]) -> Served:
        """Verifies, loads and tries a version, and remembers how that went.

        Args:
            key: Which one.
            pinned: Called of a grader with the classifier that it pins, which must be able to answer.
        """
        depends: tuple[Key, ...] = (key,)
        fingerprint = self._fingerprint(depends)
        with self._marked(key):
            try:
                stored = self.store.open(*key)
                pin = stored.manifest.classifier
                if pin is not None:
                    depends = (key, (pin.name, pin.version))
                    fingerprint = self._fingerprint(depends)
                classifier = None if pin is None else pinned(pin)
                runtime, sample = load_and_try(stored, self._settings)
            except (RefusedVersion, RuntimeUnavailable) as error:
                self._trials[key] = _Trial(depends, fingerprint, error=error)
                raise
            except OSError as error:  # not remembered: permissions change without a file changing
                raise RefusedVersion(f"It cannot be read: {why(error)}.") from error
        self._trials[key] = _Trial(depends, fingerprint, stored)
        return Served(stored, runtime, sample, classifier)

    def _pinned_classifier(self, pin: Pinned) -> Served:
        try:
            return self.get(pin.name, pin.version, pin.digest)
        except StoreError as error:
            raise RefusedVersion(f"The classifier that it pins cannot be served: {error}") from error

    def _vouch_for(self, pin: Pinned) -> None:
        """For a grader that is only tried: the classifier need not be in memory, too."""
        try:
            found = self.condition(pin.name, pin.version)
            if found.stored is None:
                raise RefusedVersion(found.reason or "It must not answer.")
            _check_digest(found.stored, pin.digest)
        except StoreError as error:
            raise RefusedVersion(f"The classifier that it pins cannot be served: {error}") from error

    @contextmanager
    def _marked(self, key: Key) -> Iterator[None]:
        self._loading.add(key)
        try:
            yield
        finally:
            self._loading.discard(key)

    def _known(self, key: Key) -> _Trial | None:
        """How the last trial went, unless a file changed since: the version may have been copied half by then."""
        trial = self._trials.get(key)
        return trial if trial is not None and trial.fingerprint == self._fingerprint(trial.depends) else None

    def _fingerprint(self, keys: tuple[Key, ...]) -> int:
        """Changes with any file of these versions."""
        roots = [self.store.path(*key) for key in keys]
        walked = (Path(folder, file) for root in roots for folder, _, files in os.walk(root) for file in files)
        return hash(tuple(sorted(signature(path) for path in walked)))


def keep_compiled(versions: Iterable[Served]) -> None:
    """Keeps what had to be compiled, so that the next start need not; where that cannot be, it takes longer."""
    for served in versions:
        try:
            served.runtime.keep_compiled()
        except OSError as error:
            log.event("compiled_not_kept", model=served.stored.name, version=served.stored.version, reason=why(error))


def signature(path: Path) -> tuple[str, int, int, int]:
    """Changes when the file does; zeros where there is none."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_ino, found.st_size, found.st_mtime_ns)


def why(error: OSError) -> str:
    """What the system says, without the file's name."""
    return error.strerror or type(error).__name__


def _check_digest(stored: StoredVersion, digest: str | None) -> None:
    if digest not in (None, stored.digest):
        had, wanted = stored.digest[:12], str(digest)[:12]
        raise RefusedVersion(f"{stored.name}/{stored.version} has the digest {had}, but {wanted} was asked for.")
