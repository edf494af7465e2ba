"""Versions that came into the store are tried before anybody asks for them, in a thread of their own."""

import threading
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from model_store.errors import UnknownModel, UnknownVersion
from model_store.store import Store
from service import log
from service.trial_process import Key


class Tries(Protocol):
    """Tries versions; see `versions.Versions`."""

    def conditions(self, keys: Sequence[Key], *, again: bool, seconds: None) -> object:
        """Tries them; blocking, to their end."""

    def states(self) -> list[tuple[str, int, str]]:
        """Name, number and state of what was tried."""

    def fingerprint(self, key: Key) -> int:
        """Changes with any file that the state depends on."""

    def may_be_tried_again(self, key: Key) -> bool:
        """Whether it was refused for now, long enough ago."""

    def forget_all_but(self, there: Collection[Key]) -> None:
        """Forgets what is known of versions that are gone."""


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
        """Every version that is in the store now; none of what cannot be looked into."""
        found = set[Key]()
        with suppress(OSError):  # it is away
            for name in self._store.names():
                with suppress(OSError, UnknownModel):  # or changes just now
                    found |= {(name, version) for version in self._store.versions(name)}
        return found

    def leave_alone(self, versions: Iterable[Key]) -> None:
        """These are not tried; until the next call, which says anew."""
        self._left_alone = set(versions)

    def look(self) -> None:
        """Begins to try what was not there before, or was refused and has changed, so that /models can tell at once."""
        there = self.there()
        self._looked_at = {key: seen for key, seen in self._looked_at.items() if key in there}
        if there:  # a store that is away for a moment has none, and comes back
            self._versions.forget_all_but(there)
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
        return {
            key: fingerprint
            for key, fingerprint in seen.items()
            if self._looked_at.get(key) != fingerprint or self._versions.may_be_tried_again(key)
        }

    def _try_beside(self, versions: list[Key]) -> None:
        try:
            self._versions.conditions(versions, again=True, seconds=None)
        except (UnknownModel, UnknownVersion):
            pass  # taken away meanwhile
        except Exception as error:  # noqa: BLE001 - whoever asks for one of them hears what is wrong with it
            log.failure("trials_failed", error)
