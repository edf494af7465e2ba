"""Images of failed items are removed once they were kept long enough, by a clock that can be believed."""

from __future__ import annotations

import sqlite3
import time

from gateway import log
from gateway.queue import Queue

HOUSEKEEPING = 600.0
"""Seconds between two looks."""

EVEN_SECONDS = 3600.0
"""So long the clock must have gone evenly. A machine that starts without the time, or whose clock is set, may for a
while believe in any year; by one that is to come everything was kept long enough."""

TOLERATED_SECONDS = 60.0


class Tidying:
    """Of one queue, by one thread."""

    def __init__(self, queue: Queue, keep_seconds: float) -> None:
        """Removes nothing yet.

        Args:
            queue: Whose images.
            keep_seconds: For how long those of failed items are kept.
        """
        self._queue, self._keep = queue, keep_seconds
        self._wall, self._steady = time.time(), time.monotonic()

    def look(self) -> None:
        """Removes what was kept long enough; a full disk, or one that fails, is no reason to end all the rest."""
        wall, steady = time.time(), time.monotonic()
        if abs((wall - self._wall) - (steady - self._steady)) > TOLERATED_SECONDS:
            self._wall, self._steady = wall, steady
        if steady - self._steady < EVEN_SECONDS:
            return
        try:
            self._queue.expire(self._keep)
        except (OSError, sqlite3.Error) as error:
            log.failure("not_tidied", error)
