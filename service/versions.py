"""The versions in memory: verified, loaded, tried on their golden images, and given back when nobody needs them.

Everything here that touches the store is blocking and belongs in a worker thread.
"""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
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
from service.trials import Trial, Trials, check_digest, not_readable, pin_refused, reading, why
from service.trials_apart import TrialsApart, TrialsNeeded, being_tried

WAIT_SECONDS = 20.0
"""So long is waited for a trial, which takes a second or two on most days. Image requests wait for 30."""
LOOK_SECONDS = 10.0
"""So long whoever only looks waits for the trials of all versions, which give way to everything else: what takes longer
is told of as `loading`."""

Untried = Literal["load", "wait", "leave"]
"""What to do with a version of which it is not known how its files, as they are now, go: load it here all the same,
wait until it was tried apart, or have it tried without waiting for it. One that crashes what loads it, or comes to no
end, takes this process with it only in the first case."""


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
        self._looking = TrialsApart(self._trials, TrialProcess(settings), self._has)
        # In a thread of its own they go on when nobody waits any more, and keep nothing from being loaded.
        self._looks = ThreadPoolExecutor(1, "looking-trials")
        # In a process of its own, so that it does not come after all the others, and gives way to nobody.
        self._needed_apart = TrialsApart(self._trials, TrialProcess(settings, niceness=0), self._has)
        self._needed = TrialsNeeded(self._try_needed)

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

    def may_be_tried_again(self, key: Key) -> bool:
        """Whether a version was refused for now, long enough ago."""
        return self._trials.is_due(key)

    def forget_all_but(self, there: Collection[Key]) -> None:
        """Forgets how trials of versions went that are gone."""
        self._trials.forget_all_but(there)

    def fingerprint(self, key: Key) -> int:
        """Changes with any file that the state of a version depends on."""
        return self._trials.current(key)

    def get(self, name: str, version: int, digest: str | None = None, *, untried: Untried = "load") -> Served:
        """The version, loaded if need be (about half a second); blocking.

        Args:
            name: The model.
            version: Its number.
            digest: The digest that it must have.
            untried: What to do if it was not tried yet.

        Raises:
            UnknownModel, UnknownVersion: There is nothing to load.
            RefusedVersion: It must not be served, or has another digest.
            RuntimeUnavailable: The runtime cannot run it.
            NotReady: It is still being tried.
        """
        key = (name, version)
        if untried != "load" and self.in_memory(key, digest) is None:
            self._have_tried(key, WAIT_SECONDS if untried == "wait" else 0.0)
        with self._lock:
            return self._get(key, digest, tried=untried != "load")

    def condition(self, name: str, version: int) -> Condition:
        """How a version stands; see `conditions`."""
        key = (name, version)
        return self.conditions([key])[key]

    def conditions(
        self, keys: Sequence[Key], *, again: bool = False, seconds: float | None = LOOK_SECONDS
    ) -> dict[Key, Condition]:
        """How versions stand. Those that are not in memory and not known are tried, in a process of their own.

        That takes about half a second for each and half a second more, and longer beside much else; blocking.

        Args:
            keys: Which versions.
            again: Whether to try those again that were refused for now, when that was long ago.
            seconds: How long to wait for trials at most; those that go on then are `loading`. None: to their end.

        Raises:
            UnknownModel, UnknownVersion: There is no such version.
        """
        known = self._all_now(keys, again=again)
        if len(known) == len(keys):
            return known
        look = self._looks.submit(self._look, keys, again)
        if wait([look], seconds).done:
            return look.result()
        look.cancel()  # one that has not begun; whoever asks next begins another
        return dict.fromkeys(keys, Condition("loading")) | self._all_now(keys, again=again)

    def _look(self, keys: Sequence[Key], again: bool) -> dict[Key, Condition]:
        known = self._all_now(keys, again=again)
        unknown = [key for key in keys if key not in known]
        with self._marked(unknown):
            trials = self._looking.run(unknown)
        return known | {key: _condition(trials[key]) if key in trials else Condition("loading") for key in unknown}

    def close(self) -> None:
        """Ends what is being tried."""
        self._looking.close()
        self._needed_apart.close()

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

    def _have_tried(self, key: Key, seconds: float) -> None:
        """Has a version tried apart, and waits for it, unless it is known how it goes."""
        with self._lock:  # what is being loaded is known afterwards
            if self._is_known(key):
                return
        with reading():
            self.store.find(*key)
        self._needed.wait(key, seconds)

    def _try_needed(self, key: Key) -> None:
        # Whoever asked just before a trial ended, and was heard just after, needs no second one.
        if not self._is_known(key):
            self._needed_apart.run([key])

    def _is_known(self, key: Key) -> bool:
        """Whether it is known how a version, and the classifier that it pins, go."""
        trial = self._trials.known(key)
        if trial is None or trial.error is not None or trial.pin is None:
            return trial is not None
        return self._has(trial.pin) or self._trials.known((trial.pin.name, trial.pin.version)) is not None

    def _has(self, pin: Pinned) -> bool:
        with self._lock:  # if it is being loaded, until it is
            served = self._loaded.get((pin.name, pin.version))
        return served is not None and served.stored.digest == pin.digest

    def _get(self, key: Key, digest: str | None, *, tried: bool) -> Served:
        served = self.in_memory(key, digest)
        if served is not None:
            return served
        known = self._trials.known(key)
        if known is None and tried:  # its files changed meanwhile, or nothing is tried any more
            raise being_tried(key)
        if known is not None and known.error is not None:
            raise type(known.error)(known.error.message)
        if known is not None and known.stored is not None:
            check_digest(known.stored, digest)
        served = self._load(key, tried=tried)
        check_digest(served.stored, digest)
        self._loaded[key] = served
        self._asked[key] = time.monotonic()
        return served

    def _load(self, key: Key, *, tried: bool) -> Served:
        """Verifies, loads and tries a version, and remembers how that went."""
        trial = self._trials.alone(key)
        with self._marked([key]):
            try:
                stored, trial = self._trials.begun(key)
                classifier = None if trial.pin is None else self._pinned_classifier(trial.pin, tried=tried)
                runtime, sample = load_and_try(stored, self._settings)
            except (RefusedVersion, RuntimeUnavailable) as error:
                self._trials.record(key, replace(trial, error=error))
                raise
            except OSError as error:
                refused = not_readable(error)
                self._trials.record(key, replace(trial, error=refused))
                raise refused from error
        self._trials.record(key, trial)
        return Served(stored, runtime, sample, classifier)

    def _pinned_classifier(self, pin: Pinned, *, tried: bool) -> Served:
        try:
            return self._get((pin.name, pin.version), pin.digest, tried=tried)
        except StoreError as error:
            raise pin_refused(error) from error

    def _all_now(self, keys: Iterable[Key], *, again: bool) -> dict[Key, Condition]:
        """How versions stand, without those that have to be tried to know it."""
        return {key: condition for key in keys if (condition := self._now(key, again=again)) is not None}

    def _now(self, key: Key, *, again: bool) -> Condition | None:
        """How a version stands, as far as that is known."""
        if key in self._loading or self._needed.under_way(key):
            return Condition("loading")
        served = self._loaded.get(key)
        if served is not None:
            return Condition("serving", stored=served.stored, served=served)
        known = self._trials.known(key) if again else self._trials.last(key)
        return None if known is None else _condition(known)

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
