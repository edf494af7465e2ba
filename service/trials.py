"""How trials of versions went. An outcome stands until a file that it depends on changes."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from model_store.errors import StoreError
from model_store.store import Store, StoredVersion
from service.trial_process import Key, TrialEnded

ENDED_STANDS_SECONDS = 60.0
"""A trial that came to no end says less of the version than of the machine, perhaps: after so long it is repeated."""


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


class Trials:
    """The last trial of every version that was tried. Safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[Key, Trial] = {}

    def record(self, key: Key, trial: Trial) -> None:
        """Takes the place of what was known of the version."""
        self._last[key] = trial

    def known(self, key: Key) -> Trial | None:
        """How the last trial went, unless a file changed since: the version may have been copied half by then."""
        trial = self._last.get(key)
        if trial is None or trial.fingerprint != self.fingerprint(trial.depends):
            return None
        if isinstance(trial.error, TrialEnded) and time.monotonic() - trial.at > ENDED_STANDS_SECONDS:
            return None
        return trial

    def ended(self, key: Key) -> bool:
        """Whether the last trial came to no end: the version may crash whatever loads it."""
        trial = self._last.get(key)
        return trial is not None and isinstance(trial.error, TrialEnded)

    def all(self) -> dict[Key, Trial]:
        """The last trial of each."""
        return dict(self._last)

    def fingerprint(self, keys: tuple[Key, ...]) -> int:
        """Changes with any file of these versions."""
        roots = [self._store.path(*key) for key in keys]
        walked = (Path(folder, file) for root in roots for folder, _, files in os.walk(root) for file in files)
        return hash(tuple(sorted(signature(path) for path in walked)))


def signature(path: Path) -> tuple[str, int, int, int]:
    """Changes when the file does; zeros where there is none."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_ino, found.st_size, found.st_mtime_ns)
