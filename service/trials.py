"""How trials of versions went. An outcome stands until a file that it depends on changes."""

import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from model_store.errors import RefusedForNow, RefusedVersion, StoreError
from model_store.manifest import Pinned
from model_store.store import Store, StoredVersion
from service.trial_process import Key, TrialEnded

PASSING_STANDS_SECONDS = 60.0
"""A refusal for now says less of the version than of the machine, perhaps: after so long the trial is repeated."""

ENDED_STANDS_SECONDS = 3600.0
"""The same of one that crashed what tried it or came to no end, unless somebody needs it sooner."""


@dataclass(frozen=True)
class Trial:
    """The outcome of a trial.

    Attributes:
        depends: The versions whose files it depends on.
        fingerprint: Of these, from before it began.
        stored: What was tried; None if its files are not what its manifest says.
        error: Why it must not answer; None if it may.
        at: When, on the clock of `time.monotonic`.
    """

    depends: tuple[Key, ...]
    fingerprint: int
    stored: StoredVersion | None = None
    error: StoreError | None = None
    at: float = field(default_factory=time.monotonic)

    @property
    def pin(self) -> Pinned | None:
        """The classifier that it pins, if it is a grader."""
        return None if self.stored is None else self.stored.manifest.classifier


class Trials:
    """The last trial of every version that was tried. Safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[Key, Trial] = {}

    def alone(self, key: Key) -> Trial:
        """A trial that has not looked into the version yet; from before it does, for files may still be coming."""
        return Trial((key,), self.fingerprint((key,)))

    def begun(self, key: Key) -> tuple[StoredVersion, Trial]:
        """A version, verified, and its trial, which has not loaded it yet; raises what `Store.open` raises."""
        stored = self._store.open(*key)
        pin = stored.manifest.classifier
        depends = (key,) if pin is None else (key, (pin.name, pin.version))
        return stored, Trial(depends, self.fingerprint(depends), stored)

    def record(self, key: Key, trial: Trial) -> None:
        """Takes the place of what was known of the version."""
        self._last[key] = trial

    def last(self, key: Key) -> Trial | None:
        """How the last trial went, unless a file changed since: the version may have been copied half by then."""
        trial = self._last.get(key)
        return trial if trial is not None and trial.fingerprint == self.fingerprint(trial.depends) else None

    def known(self, key: Key) -> Trial | None:
        """The same, unless it was refused for now long ago."""
        trial = self.last(key)
        return None if trial is None or _is_past(trial, PASSING_STANDS_SECONDS) else trial

    def is_due(self, key: Key) -> bool:
        """Whether a trial is to be repeated that nobody waits for.

        One whose process ended may hold a processor for two minutes each time.
        """
        trial = self._last.get(key)
        stands = ENDED_STANDS_SECONDS if trial and isinstance(trial.error, TrialEnded) else PASSING_STANDS_SECONDS
        return trial is not None and _is_past(trial, stands)

    def forget_all_but(self, there: Collection[Key]) -> None:
        """Forgets the trials of versions that are gone."""
        for key in self._last.keys() - set(there):
            self._last.pop(key, None)

    def all(self) -> dict[Key, Trial]:
        """The last trial of each."""
        return dict(self._last)

    def current(self, key: Key) -> int:
        """Changes with any file that a trial of the version depends on, as far as that is known."""
        last = self._last.get(key)
        return self.fingerprint((key,) if last is None else last.depends)

    def fingerprint(self, keys: tuple[Key, ...]) -> int:
        """Changes with any file of these versions."""
        roots = [self._store.path(*key) for key in keys]
        walked = (Path(folder, file) for root in roots for folder, _, files in os.walk(root) for file in files)
        return hash(tuple(sorted(signature(path) for path in walked)))


def _is_past(trial: Trial, seconds: float) -> bool:
    """Whether it was refused for now longer ago than that."""
    return isinstance(trial.error, RefusedForNow) and time.monotonic() - trial.at > seconds


@contextmanager
def reading() -> Iterator[None]:
    """Turns what keeps somebody from looking into the store into RefusedForNow."""
    try:
        yield
    except OSError as error:
        raise not_readable(error) from error


def signature(path: Path) -> tuple[str, int, int, int, int]:
    """Changes when the file does, or who may read it; zeros where there is none."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return (str(path), 0, 0, 0, 0)
    return (str(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def check_digest(stored: StoredVersion, digest: str | None) -> None:
    """Raises RefusedVersion unless it is the version that was asked for; None asks for whatever has its number."""
    if digest not in (None, stored.digest):
        had, wanted = stored.digest[:12], str(digest)[:12]
        raise RefusedVersion(f"{stored.name}/{stored.version} has the digest {had}, but {wanted} was asked for.")


def not_readable(error: OSError) -> RefusedForNow:
    """Of a version whose folder cannot be looked into."""
    return RefusedForNow(f"It cannot be read: {why(error)}.")


def pin_refused(error: StoreError) -> RefusedVersion:
    """Of a grader, for what is wrong with the classifier that it pins."""
    refusal = RefusedForNow if isinstance(error, RefusedForNow) else RefusedVersion
    return refusal(f"The classifier that it pins cannot be served: {error}")


def why(error: OSError) -> str:
    """What the system says, without the file's name."""
    return error.strerror or type(error).__name__
