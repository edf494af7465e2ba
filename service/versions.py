"""The versions in memory: verified, loaded, tried on their golden images, and given back when nobody needs them.

Everything here that touches the store is blocking and belongs in a worker thread.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from service.trial_process import Key, TrialProcess
from service.trials import Trial, Trials


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
        self._trials = Trials(store)
        self._trial_process = TrialProcess(settings)
        # Held before `_lock` and never inside it: what is tried apart keeps nothing from being loaded.
        self._trying = threading.RLock()

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
        known = {key: _condition(trial).state for key, trial in self._trials.all().items()}
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
        if self._trials.ended(key):
            self.conditions([key])  # if it crashes what loads it, it must not be this process
        with self._lock:
            return self._get(key, digest)

    def condition(self, name: str, version: int) -> Condition:
        """How a version stands; see `conditions`."""
        key = (name, version)
        return self.conditions([key])[key]

    def conditions(self, keys: Sequence[Key]) -> dict[Key, Condition]:
        """How versions stand. Those that are not in memory and not known are tried, in a process of their own.

        That takes about half a second for each and half a second more; blocking.

        Raises:
            UnknownModel, UnknownVersion: There is no such version.
        """
        known = {key: condition for key in keys if (condition := self._now(key)) is not None}
        if len(known) == len(keys):
            return known
        with self._trying:
            known |= {key: condition for key in keys if (condition := self._now(key)) is not None}
            return known | self._try_apart([key for key in keys if key not in known])

    def close(self) -> None:
        """Ends what is being tried."""
        self._trial_process.close()

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

    def _get(self, key: Key, digest: str | None) -> Served:
        served = self.in_memory(key, digest)
        if served is not None:
            return served
        known = self._trials.known(key)
        if known is not None and known.error is not None:
            raise type(known.error)(known.error.message)
        if known is not None and known.stored is not None:
            _check_digest(known.stored, digest)
        served = self._load(key)
        _check_digest(served.stored, digest)
        self._loaded[key] = served
        self._asked[key] = time.monotonic()
        return served

    def _load(self, key: Key) -> Served:
        """Verifies, loads and tries a version, and remembers how that went."""
        trial = self._alone(key)
        with self._marked([key]):
            try:
                stored, trial = self._begun(key)
                pin = stored.manifest.classifier
                classifier = None if pin is None else self._pinned_classifier(pin)
                runtime, sample = load_and_try(stored, self._settings)
            except (RefusedVersion, RuntimeUnavailable) as error:
                self._trials.record(key, replace(trial, error=error))
                raise
            except OSError as error:  # not remembered: permissions change without a file changing
                raise RefusedVersion(f"It cannot be read: {why(error)}.") from error
        self._trials.record(key, trial)
        return Served(stored, runtime, sample, classifier)

    def _pinned_classifier(self, pin: Pinned) -> Served:
        try:
            return self._get((pin.name, pin.version), pin.digest)
        except StoreError as error:
            raise RefusedVersion(f"The classifier that it pins cannot be served: {error}") from error

    def _now(self, key: Key) -> Condition | None:
        """How a version stands, as far as that is known."""
        if key in self._loading:
            return Condition("loading")
        served = self._loaded.get(key)
        if served is not None:
            return Condition("serving", stored=served.stored, served=served)
        known = self._trials.known(key)
        return None if known is None else _condition(known)

    def _try_apart(self, keys: Sequence[Key]) -> dict[Key, Condition]:
        """Tries versions without loading them here, and remembers how that went."""
        begun, found = {}, {}
        for key in keys:
            alone = self._alone(key)
            try:
                begun[key] = self._begun(key)[1]
            except RefusedVersion as error:
                found[key] = self._remember(key, replace(alone, error=error))
            except OSError as error:  # not remembered: permissions change without a file changing
                found[key] = Condition("refused", f"It cannot be read: {why(error)}.")
        with self._marked(begun):
            outcomes = dict(self._trial_process.tried(list(begun)))
        # Graders come last: of what they pin it must be known how that went.
        for key in sorted(outcomes, key=lambda key: len(begun[key].depends)):
            refused = outcomes[key] or self._not_vouched(begun[key])
            found[key] = self._remember(key, replace(begun[key], error=refused))
        return {key: found.get(key, Condition("loading")) for key in keys}

    def _alone(self, key: Key) -> Trial:
        """A trial that has not looked into the version yet; from before it does, for files may still be coming."""
        return Trial((key,), self._trials.fingerprint((key,)))

    def _begun(self, key: Key) -> tuple[StoredVersion, Trial]:
        """The version, which is verified, and its trial, which has not begun to load it yet."""
        stored = self.store.open(*key)
        pin = stored.manifest.classifier
        depends = (key,) if pin is None else (key, (pin.name, pin.version))
        return stored, Trial(depends, self._trials.fingerprint(depends), stored)

    def _not_vouched(self, trial: Trial) -> RefusedVersion | None:
        """Why a grader must not answer though it came out right: the classifier that it pins cannot be served."""
        pin = None if trial.stored is None else trial.stored.manifest.classifier
        if pin is None:
            return None
        key = (pin.name, pin.version)
        try:
            with self._lock:  # if it is being loaded, until it is
                pinned = self._now(key)
            pinned = pinned or self._try_apart([key])[key]
            if pinned.stored is None:
                raise RefusedVersion(pinned.reason or "It must not answer.")
            _check_digest(pinned.stored, pin.digest)
        except StoreError as error:
            return RefusedVersion(f"The classifier that it pins cannot be served: {error}")
        return None

    def _remember(self, key: Key, trial: Trial) -> Condition:
        self._trials.record(key, trial)
        return _condition(trial)

    @contextmanager
    def _marked(self, keys: Collection[Key]) -> Iterator[None]:
        self._loading.update(keys)
        try:
            yield
        finally:
            self._loading.difference_update(keys)


def _condition(trial: Trial) -> Condition:
    """What a trial says of the version: refused for the error, or available."""
    return Condition("refused", str(trial.error)) if trial.error else Condition("available", stored=trial.stored)


def keep_compiled(versions: Iterable[Served]) -> None:
    """Keeps what had to be compiled, so that the next start need not; where that cannot be, it takes longer."""
    for served in versions:
        try:
            served.runtime.keep_compiled()
        except OSError as error:
            log.event("compiled_not_kept", model=served.stored.name, version=served.stored.version, reason=why(error))


def why(error: OSError) -> str:
    """What the system says, without the file's name."""
    return error.strerror or type(error).__name__


def _check_digest(stored: StoredVersion, digest: str | None) -> None:
    if digest not in (None, stored.digest):
        had, wanted = stored.digest[:12], str(digest)[:12]
        raise RefusedVersion(f"{stored.name}/{stored.version} has the digest {had}, but {wanted} was asked for.")
