"""The versions that answer: found through labels, verified, loaded, tried on their golden images, and only then used.

Everything that touches the store is blocking and belongs in a worker thread, but `find`, which costs two stat calls.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from model_store.errors import RefusedVersion, RuntimeUnavailable, StoreError, UnknownLabel, UnreadableLabels
from model_store.labels import LABELS_FILE, Labels
from model_store.manifest import Pinned
from model_store.runtime import Runtime
from model_store.store import Store, StoredVersion
from service import log
from service.loading import CLASSIFIER, GRADER, load_and_try
from service.settings import Settings

STABLE = "stable"

Key = tuple[str, int]


@dataclass(frozen=True)
class Selection:
    """Which version a request asks for: a number, or else a label."""

    version: int | None = None
    label: str = STABLE


@dataclass(frozen=True)
class Served:
    """A version that may answer, and for a grader the classifier that it pins."""

    stored: StoredVersion
    runtime: Runtime
    classifier: "Served | None" = None


@dataclass(frozen=True)
class Condition:
    """How a version stands: what /models and /readyz say of it."""

    state: Literal["available", "serving", "loading", "refused"]
    reason: str | None = None
    stored: StoredVersion | None = None
    served: Served | None = None


@dataclass(frozen=True)
class _Trial:
    """The outcome of a trial, which stands until a file of the store changes."""

    fingerprint: int
    stored: StoredVersion | None = None
    error: StoreError | None = None

    @property
    def condition(self) -> Condition:
        return Condition("refused", str(self.error)) if self.error else Condition("available", stored=self.stored)


class Engine:
    """Every version in memory, and what is known of those that are not. Safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.store)
        self.labels = Labels(self.store, settings.state)
        self.started = False
        self._settings = settings
        self._label_files = (settings.store / LABELS_FILE, settings.state / LABELS_FILE)
        self._pins: tuple[object, dict[tuple[str, str], Pinned]] = (None, {})
        # One version is loaded at a time: it takes every core for a moment.
        self._lock = threading.RLock()
        self._loaded: dict[Key, Served] = {}
        self._loading: set[Key] = set()
        self._trials: dict[Key, _Trial] = {}

    def start(self) -> None:
        """Loads what `stable` names. What cannot be served is logged and stays refused; the service still starts."""
        try:
            for name in self.needed():
                self._start(name)
        finally:
            self.started = True

    def needed(self) -> list[str]:
        """The models without whose `stable` version the service is not ready: a store may have no grader."""
        try:
            self._pin(GRADER, STABLE)
        except UnknownLabel:
            return [CLASSIFIER]
        except StoreError:
            pass  # whoever asks for either model hears it
        return [CLASSIFIER, GRADER]

    def find(self, name: str, selection: Selection) -> Served | None:
        """The version if it is in memory; None if `get` must load it, or say why not.

        Raises:
            UnknownLabel: Nothing carries the label.
            UnreadableLabels: A labels file is damaged.
        """
        version, digest = self._resolve(name, selection)
        return self._in_memory((name, version), digest)

    def get(self, name: str, selection: Selection) -> Served:
        """The version, loaded if need be (about half a second).

        Raises:
            UnknownModel, UnknownVersion, UnknownLabel: There is nothing to load.
            RefusedVersion: It must not be served, or it is not the one that the label names.
            RuntimeUnavailable: The runtime cannot run it.
            UnreadableLabels: A labels file is damaged.
        """
        return self._get(name, *self._resolve(name, selection))

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
                    self._try(key)
                except (RefusedVersion, RuntimeUnavailable) as error:
                    return Condition("refused", str(error))
            return self._trials[key].condition

    def _start(self, name: str) -> None:
        begun = time.perf_counter()
        try:
            served = self.get(name, Selection())
        except StoreError as error:
            log.event("refused", logging.WARNING, model=name, label=STABLE, reason=str(error))
        else:
            log.event("loaded", **_identity(served), seconds=round(time.perf_counter() - begun, 2))

    def _resolve(self, name: str, selection: Selection) -> tuple[int, str | None]:
        if selection.version is not None:
            return selection.version, None
        pinned = self._pin(name, selection.label)
        return pinned.version, pinned.digest

    def _pin(self, name: str, label: str) -> Pinned:
        """Where a label points; the files are read again only when they changed."""
        signature = tuple(_stat(path) for path in self._label_files)
        before, pins = self._pins
        if before != signature:
            pins = {}
            self._pins = (signature, pins)
        if (name, label) not in pins:
            try:
                pins[name, label] = self.labels.get(name, label)
            except OSError as error:
                raise UnreadableLabels(f"The labels cannot be read: {_why(error)}.") from error
        return pins[name, label]

    def _in_memory(self, key: Key, digest: str | None) -> Served | None:
        served = self._loaded.get(key)
        return served if served is not None and digest in (None, served.stored.digest) else None

    def _get(self, name: str, version: int, digest: str | None) -> Served:
        key = (name, version)
        with self._lock:
            served = self._in_memory(key, digest)
            if served is not None:
                return served
            known = self._known(key)
            if known is not None and known.error is not None:
                raise type(known.error)(known.error.message)
            if known is not None and known.stored is not None:
                _check_digest(known.stored, digest)
            served = self._try(key)
            _check_digest(served.stored, digest)
            self._loaded[key] = served
            return served

    def _try(self, key: Key) -> Served:
        """Verifies, loads and tries a version, and remembers how that went."""
        fingerprint = self._fingerprint()
        with self._marked(key):
            try:
                stored = self.store.open(*key)
                pin = stored.manifest.classifier
                classifier = None if pin is None else self._pinned_classifier(pin)
                runtime = load_and_try(stored, self._settings)
            except (RefusedVersion, RuntimeUnavailable) as error:
                self._trials[key] = _Trial(fingerprint, error=error)
                raise
            except OSError as error:  # not remembered: permissions change without a file changing
                raise RefusedVersion(f"It cannot be read: {_why(error)}.") from error
        self._trials[key] = _Trial(fingerprint, stored)
        return Served(stored, runtime, classifier)

    def _pinned_classifier(self, pin: Pinned) -> Served:
        try:
            return self._get(pin.name, pin.version, pin.digest)
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
        """How the last trial went, unless the store changed since: the version may have been copied half by then."""
        trial = self._trials.get(key)
        return trial if trial is not None and trial.fingerprint == self._fingerprint() else None

    def _fingerprint(self) -> int:
        """Changes with any file of the store: a grader depends on another directory than its own."""
        root = self.store.root
        return hash(tuple(sorted(_stat(Path(folder, file)) for folder, _, files in os.walk(root) for file in files)))


def _check_digest(stored: StoredVersion, digest: str | None) -> None:
    if digest not in (None, stored.digest):
        had, wanted = stored.digest[:12], str(digest)[:12]
        raise RefusedVersion(f"{stored.name}/{stored.version} has the digest {had}, but {wanted} was asked for.")


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _identity(served: Served) -> dict[str, object]:
    return {
        "model": served.stored.name,
        "version": served.stored.version,
        "digest": served.stored.digest,
        "runtime": served.runtime.name,
        "precision": served.runtime.precision,
    }


def _stat(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_ino, found.st_size, found.st_mtime_ns)
