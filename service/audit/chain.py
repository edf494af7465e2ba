"""The chain: every row holds the hash of the row before it, and its own hash covers that and every column.

So a row that was changed, removed or put in shows, and so does an end that is missing, since the head says where the
end is. Who can rewrite the whole database can also compute a new chain. Against that helps a head that is kept
elsewhere, an anchor: the log has one every few minutes, and `GET /audit/head` hands one out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from service.audit.entry import COLUMNS, Value

FORMAT = 1
FIELDS: Mapping[int, tuple[str, ...]] = {FORMAT: COLUMNS}
"""Format -> the columns that its hash covers, in their order."""

MOST_FAULTS = 20


class Head(NamedTuple):
    """The end of a chain: number and hash of its last row."""

    sequence: int
    hash: str


START = Head(0, "0" * 64)
"""Where there is no row yet."""


class Row(NamedTuple):
    """A row as it is stored; where somebody wrote into it, SQLite may hold a value of any kind in any column."""

    sequence: int
    previous: str
    hash: str
    format: int
    values: Mapping[str, Value]


def seal(head: Head, values: Sequence[Value], format_: int = FORMAT) -> Head:
    """The head after one more row: SHA-256 of a JSON array of its number, format, columns and the hash before it.

    Args:
        head: Before it.
        values: Of the format's columns.
        format_: See FIELDS.
    """
    sequence = head.sequence + 1
    canonical = json.dumps([sequence, format_, *values, head.hash], separators=(",", ":"), allow_nan=False)
    return Head(sequence, hashlib.sha256(canonical.encode()).hexdigest())


@dataclass
class Verification:
    """What a look at the whole chain found; `faults` has at most MOST_FAULTS lines for people.

    Attributes:
        rows: How many were looked at.
        first: Number of the first of them; None without rows.
        last: The end that was found.
        faults: What is wrong; empty if the chain is intact.
    """

    rows: int = 0
    first: int | None = None
    last: Head = START
    faults: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def fault(self, text: str) -> None:
        """Notes a fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)


def verify(rows: Iterable[Row], head: Head | None, pruned: Head, anchors: Iterable[Head] = ()) -> Verification:
    """Looks at every row.

    Args:
        rows: In the order of their numbers.
        head: What the database says is the end; None if that is no head.
        pruned: Up to which row the newest of the rows `pruned` says that rows were removed; START if there is none.
        anchors: Heads that were kept elsewhere.
    """
    found, before = Verification(), pruned
    expected = {anchor.sequence: anchor.hash for anchor in anchors}
    for row in rows:
        if not isinstance(row.sequence, int):
            found.fault(f"a row has the number {row.sequence!r}")
            continue
        if found.first is None:
            found.first = row.sequence
        _check(found, row, before)
        if expected.pop(row.sequence, row.hash) != row.hash:
            found.fault(f"row {row.sequence} is not the one whose hash was kept: it, or one before it, was changed")
        before = Head(row.sequence, row.hash)
        found.rows += 1
    found.last = before
    if head is None:
        found.fault("the head was changed")
    elif before.sequence < head.sequence:
        found.fault(f"rows {before.sequence + 1} to {head.sequence} are missing at the end")
    elif before != head:
        found.fault(f"the head is row {head.sequence}, and the last row is {before.sequence}: the end was changed")
    for sequence, kept in expected.items():
        if sequence > before.sequence:
            found.fault(f"row {sequence} was kept elsewhere and is not there: the end was removed")
        elif sequence > pruned.sequence or (sequence == pruned.sequence and kept != pruned.hash):
            found.fault(f"row {sequence} was kept elsewhere and is not there")
    return found


def _check(found: Verification, row: Row, before: Head) -> None:
    """One row against the one before it."""
    if row.sequence <= before.sequence:
        found.fault(f"row {row.sequence} is there, and rows to {before.sequence} were removed before it")
    elif row.sequence > before.sequence + 1:
        found.fault(f"rows {before.sequence + 1} to {row.sequence - 1} are missing")
    elif row.previous != before.hash:
        found.fault(f"row {row.sequence} does not follow row {before.sequence}: one of them was changed")
    fields = FIELDS.get(row.format)
    if fields is None:
        found.fault(f"row {row.sequence} has the format {row.format}, which this version does not know")
        return
    try:
        hashed = seal(Head(row.sequence - 1, row.previous), [row.values[name] for name in fields], row.format).hash
    except (ValueError, TypeError):
        hashed = None  # a value of a kind that is never written, such as infinity or bytes
    if hashed != row.hash:
        found.fault(f"row {row.sequence} was changed")
