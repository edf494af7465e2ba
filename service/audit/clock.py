"""What time it is, for what cannot be undone: a clock that is wrong for a moment must not remove the trail."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class Times(NamedTuple):
    """What it may be now."""

    earlier: datetime
    later: datetime

    @property
    def apart(self) -> timedelta:
        """How far the two are from each other."""
        return self.later - self.earlier


class Clock:
    """Asks the system's clock, and one that goes on from a known moment whatever the system's is set to."""

    def __init__(self, known: datetime | None) -> None:
        """Starts it.

        Args:
            known: When the newest row was written; None if there is none. After a time in which nothing was written
                it is late by that time, and so is what it removes.
        """
        self.known = known or datetime.now(UTC)
        """From here on it sees the time go by itself."""
        self._since = time.monotonic()

    def read(self) -> Times:
        """What both say."""
        now, known = datetime.now(UTC), self.known + timedelta(seconds=time.monotonic() - self._since)
        return Times(min(now, known), max(now, known))
