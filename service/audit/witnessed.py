"""How old rows are by the time that somebody saw go by: not by the stamps alone, which a clock put ahead makes old.

A clock that was put ahead leaves a pause in the stamps and then goes on as if nothing had been, before and after any
start of the service. Such a pause cannot be told from one in which the service was off. So each counts for no more than
a while. A service that runs leaves none: where nothing else is recorded, it says now and then that it is there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.audit.database import Database, DatabaseFailed
from service.audit.entry import Entry, moment_of, stamp
from service.audit.retention import TOLERATED

QUIET = timedelta(hours=20)
"""After so long without a row one says that the service runs; with the hour between two looks, within a day."""


def oldest_kept(database: Database, start: datetime, seen: timedelta, *, kept: timedelta, pause: timedelta) -> datetime:
    """The moment before which rows are older than they are kept for.

    Args:
        database: Of one thread.
        start: The moment from which on whoever asks saw the time go by itself.
        seen: How much it saw.
        kept: For how long rows are kept.
        pause: For how much a longer pause between two rows counts.

    Raises:
        DatabaseFailed: A row's stamp is none.
    """
    left, moment = kept - seen, start
    with database.transaction():
        while left > timedelta(0):
            before = _first(database, moment - pause, moment)
            counted = pause if before is None else moment - before
            if before is None:
                before = _last(database, moment - pause)
            if before is None or counted >= left:
                break
            left, moment = left - counted, before
    return moment - left


def say_that_it_runs(database: Database) -> None:
    """Writes a row `quiet` if there was none of any kind for QUIET; none into a trail that is empty.

    Raises:
        DatabaseFailed: It was not written.
    """
    now = datetime.now(UTC)
    with database.transaction() as head:
        last = _last(database, now + TOLERATED)
        if last is not None and now - last >= QUIET:
            database.put(head, [Entry(stamp(now), "quiet")])


def _first(database: Database, since: datetime, until: datetime) -> datetime | None:
    """The earliest stamp from a moment on, before another."""
    mark = database.mark
    return _stamped(database, f"SELECT min(at) FROM audit_entry WHERE at >= {mark} AND at < {mark}", since, until)  # noqa: S608


def _last(database: Database, until: datetime) -> datetime | None:
    """The latest stamp before a moment."""
    return _stamped(database, f"SELECT max(at) FROM audit_entry WHERE at < {database.mark}", until)  # noqa: S608


def _stamped(database: Database, statement: str, *moments: datetime) -> datetime | None:
    (found,) = database.execute(statement, [stamp(moment) for moment in moments]).fetchone()
    moment = None if found is None else moment_of(found)
    if found is not None and moment is None:
        raise DatabaseFailed("a row has a time that is none")
    return moment
