"""Versions that came into the store are tried before anybody asks for them, in a thread of their own."""

import threading
from collections.abc import Callable, Iterable

from model_store.errors import UnknownModel, UnknownVersion
from model_store.store import Store
from service import log
from service.trial_process import Key


class Newcomers:
    """What is in the store, and what of it was not there at the last look."""

    def __init__(self, store: Store, try_: Callable[[list[Key]], object]) -> None:
        """Looks at nothing yet.

        Args:
            store: The store.
            try_: Tries versions; blocking.
        """
        self._store = store
        self._try = try_
        self._left_alone: set[Key] = set()
        self._looked_at: set[Key] = set()
        self._trials: threading.Thread | None = None

    def there(self) -> set[Key]:
        """Every version that is in the store now."""
        return {(name, version) for name in self._store.names() for version in self._store.versions(name)}

    def leave_alone(self, versions: Iterable[Key]) -> None:
        """These are not tried; until the next call, which says anew."""
        self._left_alone = set(versions)

    def look(self) -> None:
        """Begins to try what was not there before, so that /models can tell at once."""
        there = self.there()
        self._looked_at &= there
        new = there - self._looked_at - self._left_alone
        if new and (self._trials is None or not self._trials.is_alive()):
            self._looked_at |= new
            self._trials = threading.Thread(target=self._try_beside, args=(sorted(new),), name="trials")
            self._trials.start()

    def _try_beside(self, versions: list[Key]) -> None:
        try:
            self._try(versions)
        except (UnknownModel, UnknownVersion):
            pass  # taken away meanwhile
        except Exception as error:  # noqa: BLE001 - whoever asks for one of them hears what is wrong with it
            log.failure("trials_failed", error)
