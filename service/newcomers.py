"""Versions that came into the store are tried before anybody asks for them, in a thread of their own."""

import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from model_store.errors import UnknownModel, UnknownVersion
from model_store.store import Store
from service import log
from service.trial_process import Key


class Tries(Protocol):
    """Tries versions; see `versions.Versions`."""

    def conditions(self, keys: Sequence[Key]) -> object:
        """Tries them; blocking."""

    def states(self) -> list[tuple[str, int, str]]:
        """Name, number and state of what was tried."""

    def fingerprint(self, key: Key) -> int:
        """Changes with any file that the state depends on."""


class Newcomers:
    """What is in the store, and what of it was not there, or not whole, at the last look."""

    def __init__(self, store: Store, versions: Tries) -> None:
        """Looks at nothing yet.

        Args:
            store: The store.
            versions: Those in it.
        """
        self._store = store
        self._versions = versions
        self._left_alone: set[Key] = set()
        self._looked_at: dict[Key, int] = {}
        self._trials: threading.Thread | None = None

    def there(self) -> set[Key]:
        """Every version that is in the store now; none while it cannot be looked into."""
        try:
            return {(name, version) for name in self._store.names() for version in self._store.versions(name)}
        except (OSError, UnknownModel):  # it is away, or changes just now
            return set()

    def leave_alone(self, versions: Iterable[Key]) -> None:
        """These are not tried; until the next call, which says anew."""
        self._left_alone = set(versions)

    def look(self) -> None:
        """Begins to try what was not there before, or was refused and has changed, so that /models can tell at once."""
        there = self.there()
        self._looked_at = {key: seen for key, seen in self._looked_at.items() if key in there}
        if self._trials is not None and self._trials.is_alive():
            return
        new = self._new(there - self._left_alone)
        if new:
            self._looked_at |= new
            self._trials = threading.Thread(target=self._try_beside, args=(sorted(new),), name="trials")
            self._trials.start()

    def _new(self, versions: set[Key]) -> dict[Key, int]:
        """Those to try, each with its fingerprint; of what may answer, which is most of them, no file is looked at."""
        sound = {(name, version) for name, version, state in self._versions.states() if state != "refused"}
        asked = versions - (sound & self._looked_at.keys())
        seen = {key: self._versions.fingerprint(key) for key in asked}
        return {key: fingerprint for key, fingerprint in seen.items() if self._looked_at.get(key) != fingerprint}

    def _try_beside(self, versions: list[Key]) -> None:
        try:
            self._versions.conditions(versions)
        except (UnknownModel, UnknownVersion):
            pass  # taken away meanwhile
        except Exception as error:  # noqa: BLE001 - whoever asks for one of them hears what is wrong with it
            log.failure("trials_failed", error)
