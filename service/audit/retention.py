"""Old rows are removed from the beginning of the chain, and a row at its end says which: the chain stays verifiable.

What was removed does not come back, so no clock is believed alone. A row that is stamped later than it can be, since a
clock was ahead when it was written, says nothing about its age: it goes with the first old row behind it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from service.audit.chain import Head
from service.audit.database import Database
from service.audit.entry import Entry, moment_of, stamp

AT_ONCE = 2_000
"""Rows removed in one transaction, for which whoever writes waits: some tens of milliseconds."""

TOLERATED = timedelta(days=1)
"""How far two clocks may be apart, in months and years that are counted."""

RARE = timedelta(days=365)
"""A time in which nobody asks anything, not even who looks after the service."""


@dataclass(frozen=True)
class Removed:
    """Rows that were removed.

    Attributes:
        rows: How many.
        through: Number and hash of the last of them.
        head: Of the row that says so.
        ahead: How many of them were stamped later than it is now.
        more: Whether there may be more that are old enough.
    """

    rows: int
    through: Head
    head: Head
    ahead: int
    more: bool


class _Stamped(NamedTuple):
    sequence: int
    at: str
    hash: str


def prune(
    database: Database, before: datetime, *, latest: datetime | None = None, most: int = AT_ONCE
) -> Removed | None:
    """Removes rows that are older than a moment, the oldest first, and only whole beginnings of the chain.

    Args:
        database: Of one thread.
        before: A row of this moment or later ends it.
        latest: A row of a later moment is not believed; by default, of more than a day from now.
        most: How many to remove.

    Returns:
        What was removed; None if nothing is old enough.

    Raises:
        DatabaseFailed: Nothing was removed.
    """
    old, believed = stamp(before), _believed(latest)
    with database.transaction() as head:
        beginning = [_Stamped(*row) for row in database.execute(f"{_ROWS} LIMIT {most}").fetchall()]
        count, ended = _old_among(database, beginning, old, believed)
        if count == 0:
            return None
        last = beginning[count - 1]
        database.execute(f"DELETE FROM audit_entry WHERE sequence <= {database.mark}", (last.sequence,))  # noqa: S608
        detail = json.dumps({"through": last.sequence, "hash": last.hash, "rows": count})
        new = database.put(head, [Entry(stamp(), "pruned", times=count, detail=detail)])
    ahead = sum(row.at > believed for row in beginning[:count])
    return Removed(count, Head(last.sequence, last.hash), new, ahead, more=not ended and len(beginning) == most)


_ROWS = "SELECT sequence, at, hash FROM audit_entry ORDER BY sequence"


def _old_among(database: Database, beginning: Sequence[_Stamped], old: str, believed: str) -> tuple[int, bool]:
    """How many of the first rows go, and whether one was found that stays."""
    count = 0
    for place, row in enumerate(beginning, 1):
        if row.at < old:
            count = place
        elif row.at <= believed:
            return count, True
    if count == 0 and beginning:
        # None of them is believed: the first one behind them that is says how old they are.
        statement = f"SELECT at FROM audit_entry WHERE at <= {database.mark} ORDER BY sequence LIMIT 1"  # noqa: S608
        behind = database.execute(statement, (believed,)).fetchone()
        if behind is not None and behind[0] < old:
            return len(beginning), False
    return count, False


@dataclass(frozen=True)
class Edge:
    """Where the old rows end: the newest of those that would go, and the oldest of those that would stay."""

    old: datetime
    kept: datetime | None


def edge(database: Database, before: datetime, *, latest: datetime | None = None) -> Edge | None:
    """Looks where the old rows end, by their stamps alone; None if there is no old one.

    Args:
        database: Of one thread.
        before: See `prune`.
        latest: See `prune`.
    """
    mark = database.mark
    with database.transaction():
        found = database.execute(
            f"SELECT (SELECT max(at) FROM audit_entry WHERE at < {mark}),"  # noqa: S608
            f" (SELECT min(at) FROM audit_entry WHERE at >= {mark} AND at <= {mark})",
            (stamp(before), stamp(before), _believed(latest)),
        ).fetchone()
    old, kept = (moment_of(at) for at in found)
    return None if old is None else Edge(old, kept)


def doubtful(found: Edge | None, now: datetime, kept: timedelta) -> bool:
    """Whether what is to go ends so long before what is to stay that a clock may have been wrong in between.

    A clock that goes ahead by more than the time for which rows are kept makes all that were written before it old.
    """
    return found is not None and (found.kept or now) - found.old > max(kept, RARE)


def _believed(latest: datetime | None) -> str:
    return stamp(latest or datetime.now(UTC) + TOLERATED)


def pruned_through(detail: str) -> Head:
    """Up to which row a row `pruned` says that rows were removed.

    Args:
        detail: Its detail.

    Raises:
        ValueError, KeyError, TypeError, OverflowError: Somebody wrote into it.
    """
    said = json.loads(detail)
    return Head(int(said["through"]), str(said["hash"]))
