"""Retention beside the writing of the trail: when it is due, by which time, and what is logged of it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from service import log
from service.audit.clock import Clock
from service.audit.database import Database
from service.audit.entry import moment_of
from service.audit.retention import TOLERATED, Removed, prune
from service.audit.witnessed import oldest_kept, say_that_it_runs

PRUNE_SECONDS = 3600.0
_TELL_SECONDS = 86_400.0


class Keeping:
    """Of one writer; used by its thread."""

    def __init__(self, days: int, now: float) -> None:
        """Due as soon as the trail is open.

        Args:
            days: After how many rows are removed.
            now: Of the monotonic clock.
        """
        self._kept = timedelta(days=days)
        self._clock: Clock | None = None
        self._due_at = now
        self._told: tuple[int, int, str | None] = (0, 0, None)
        self._tell_at = now

    def opened(self, database: Database) -> None:
        """Looks at the newest row before one is written by a clock that may be wrong."""
        if self._clock is None:
            self._clock = Clock(_newest(database))

    def due(self, now: float) -> bool:
        """Whether it is time."""
        return self._clock is not None and now >= self._due_at

    def turn(self, database: Database, now: float) -> Removed | None:
        """Removes some of what is old. Also if that fails, it is not due again for an hour.

        Raises:
            DatabaseFailed: Nothing was removed.
        """
        self._due_at = now + PRUNE_SECONDS
        if self._clock is None:
            return None
        times = self._clock.read()
        say_that_it_runs(database)
        tolerated = max(TOLERATED, self._kept / 10)
        start = min(self._clock.known, times.earlier)
        before = oldest_kept(database, start, times.earlier - start, kept=self._kept, pause=tolerated)
        # By the earlier of the two rows are removed late and never early, so that a service that was off for some days
        # goes on. Clocks that have little to do with each other may both be wrong.
        doubt = "clocks_apart" if times.apart > tolerated else None
        self._tell_clock(times.apart, times.earlier - self._kept - before, doubt, now)
        if doubt is not None:
            return None
        removed = prune(database, before, latest=times.later + TOLERATED)
        if removed is not None:
            _tell(removed)
            if removed.more:
                self._due_at = now
        return removed

    def _tell_clock(self, apart: timedelta, unseen: timedelta, doubt: str | None, now: float) -> None:
        """Once a day that nothing is removed, and once that it is removed late."""
        state = (_days(apart), _days(unseen), doubt)
        if state != self._told or (doubt is not None and now >= self._tell_at):
            level = logging.WARNING if doubt is None else logging.ERROR
            log.event("audit_clock", level, days_apart=state[0], days_unseen=state[1], skipped=doubt)
            self._told, self._tell_at = state, now + _TELL_SECONDS


def _days(time: timedelta) -> int:
    """Whole ones, of what matters."""
    return round(time / timedelta(days=1)) if time > TOLERATED else 0


def _newest(database: Database) -> datetime | None:
    with database.transaction():
        found = database.execute("SELECT at FROM audit_entry ORDER BY sequence DESC LIMIT 1").fetchone()
    return None if found is None else moment_of(found[0])


def _tell(removed: Removed) -> None:
    log.event(
        "audit_pruned", logging.WARNING if removed.ahead else logging.INFO,
        rows=removed.rows, through=removed.through.sequence, sequence=removed.head.sequence,
        stamped_ahead=removed.ahead,
    )  # fmt: skip
    # `verify` takes it for the beginning that is left.
    log.event("audit_head", sequence=removed.through.sequence, hash=removed.through.hash)
