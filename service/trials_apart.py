"""Trials that bring nothing of a version into this process; if it crashes or hangs what loads it, that is another."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from model_store.errors import RefusedForNow, RefusedVersion, StoreError
from model_store.manifest import Pinned
from service import log
from service.problems import NotReady
from service.trial_process import Key, TrialProcess
from service.trials import Trial, Trials, check_digest, not_readable, pin_refused


class TrialsApart:
    """Tries versions in a process of their own, and records how that went.

    To be used by one thread at a time, but for `close`.
    """

    def __init__(self, trials: Trials, process: TrialProcess, loaded: Callable[[Pinned], bool]) -> None:
        """Tries nothing yet.

        Args:
            trials: Where it is recorded.
            process: Where it is done.
            loaded: Whether a pinned classifier is in memory, so that it needs no trial.
        """
        self._trials, self._process, self._loaded = trials, process, loaded

    def run(self, keys: Sequence[Key]) -> dict[Key, Trial]:
        """Tries versions, half a second for each and half a second more; blocking.

        Returns:
            How that went; nothing of those to which it did not come before `close`.

        Raises:
            UnknownModel, UnknownVersion: There is no such version.
        """
        begun, ended = dict[Key, Trial](), dict[Key, Trial]()
        for key in keys:
            alone = self._trials.alone(key)
            try:
                _, begun[key] = self._trials.begun(key)
            except RefusedVersion as error:
                ended[key] = self._record(key, replace(alone, error=error))
            except OSError as error:
                ended[key] = self._record(key, replace(alone, error=not_readable(error)))
        outcomes = dict(self._process.tried(list(begun)))
        # Graders come last: of what they pin it must be known how that went.
        for key in sorted(outcomes, key=lambda key: len(begun[key].depends)):
            refused = outcomes[key] or self._not_vouched(begun[key])
            ended[key] = self._record(key, replace(begun[key], error=refused, at=time.monotonic()))
        return ended

    def close(self) -> None:
        """Ends what is being tried."""
        self._process.close()

    def _not_vouched(self, grader: Trial) -> RefusedVersion | None:
        """Why a grader must not answer though it came out right: the classifier that it pins cannot be served."""
        pin = grader.pin
        if pin is None or self._loaded(pin):
            return None
        key = (pin.name, pin.version)
        try:
            trial = self._trials.known(key) or self.run([key]).get(key)
            if trial is not None and trial.stored is not None:
                check_digest(trial.stored, pin.digest)
        except StoreError as error:
            return pin_refused(error)
        refused = RefusedForNow("It was not tried.") if trial is None else trial.error
        return None if refused is None else pin_refused(refused)

    def _record(self, key: Key, trial: Trial) -> Trial:
        self._trials.record(key, trial)
        return trial


class TrialsNeeded:
    """Trials that somebody waits for, one after the other in a thread of their own: they go on when nobody does."""

    def __init__(self, try_: Callable[[Key], object]) -> None:
        """Starts nothing yet.

        Args:
            try_: Tries a version; blocking.
        """
        self._try = try_
        self._thread = ThreadPoolExecutor(1, "needed-trials")
        self._lock = threading.Lock()
        self._under_way: dict[Key, tuple[Future[None], float]] = {}

    def under_way(self, key: Key) -> bool:
        """Whether it has begun and not ended."""
        return key in self._under_way

    def wait(self, key: Key, seconds: float) -> None:
        """Returns when a version was tried, which begins now if it has not yet; raises what trying it raises.

        Raises:
            NotReady: That takes longer than so many seconds from when it was first needed. A version that comes to no
                end keeps each thread that needs it for so long together, and not for so long each time.
        """
        with self._lock:
            if key not in self._under_way:
                self._under_way[key] = (self._thread.submit(self._run, key), time.monotonic())
            trial, begun = self._under_way[key]
        if not wait([trial], max(0.0, begun + seconds - time.monotonic())).done:
            raise being_tried(key)
        trial.result()

    def _run(self, key: Key) -> None:
        try:
            self._try(key)
        except StoreError:
            raise
        except Exception as error:
            log.failure("trials_failed", error)  # perhaps nobody waits any more
            raise
        finally:
            with self._lock:
                del self._under_way[key]


def being_tried(key: Key) -> NotReady:
    """Of a version of which it is not known yet whether it may answer."""
    name, version = key
    return NotReady(f"Version {version} of {name} is being tried.")
