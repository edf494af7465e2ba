"""Old rows are removed from the beginning of the chain, and a row at its end says which: the chain stays verifiable."""

from __future__ import annotations

import json
from datetime import datetime

from service.audit.chain import START, Head
from service.audit.database import Database
from service.audit.entry import Entry, stamp

AT_ONCE = 2_000
"""Rows removed in one transaction, for which whoever writes waits: some tens of milliseconds."""


def prune(database: Database, before: datetime, most: int = AT_ONCE) -> int:
    """Removes rows that are older than a moment, the oldest first, and only whole beginnings of the chain.

    Args:
        database: Of one thread.
        before: A row of this moment or later ends it.
        most: How many to remove.

    Returns:
        How many were removed; fewer than `most` if no more are old enough.

    Raises:
        DatabaseFailed: Nothing was removed.
    """
    mark = database.mark
    with database.transaction() as head:
        first, kept = database.execute(
            f"SELECT (SELECT min(sequence) FROM audit_entry), (SELECT min(sequence) FROM audit_entry WHERE at >= {mark})",  # noqa: S608, E501
            (stamp(before),),
        ).fetchone()
        if first is None:
            return 0
        through = min(head.sequence if kept is None else kept - 1, first + most - 1)
        if through < first:
            return 0
        last = database.execute(f"SELECT hash FROM audit_entry WHERE sequence = {mark}", (through,)).fetchone()  # noqa: S608
        database.execute(f"DELETE FROM audit_entry WHERE sequence <= {mark}", (through,))  # noqa: S608
        removed: int = through - first + 1
        detail = json.dumps({"through": through, "hash": last[0], "rows": removed})
        database.put(head, [Entry(stamp(), "pruned", times=removed, detail=detail)])
    return removed


def pruned_through(detail: str | None) -> Head:
    """Up to which row the newest row `pruned` says that rows were removed.

    Args:
        detail: Its detail; None if there is no such row.
    """
    if detail is None:
        return START
    said = json.loads(detail)
    return Head(int(said["through"]), str(said["hash"]))
