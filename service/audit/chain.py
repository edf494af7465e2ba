"""The chain: every row holds the hash of the row before it, and its own hash covers that and every column.

So a row that was changed, removed or put in shows, and so does an end that is missing, since the head says where the
end is. Who can rewrite the whole database can also compute a new chain. Against that helps a head that is kept
elsewhere, an anchor: the log has one every few minutes, and `GET /audit/head` hands one out.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
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


class Removal(NamedTuple):
    """What a row `pruned` says: up to which row, with its hash, rows were removed from the beginning."""

    through: Head
    row: int
    """Its own number."""
    at: str
    """When."""

    def __str__(self) -> str:
        return f"rows 1 to {self.through.sequence} were removed, as row {self.row} of {self.at} says"


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
        removal: Of the beginning, as the newest row about one says it. Whoever can write to the database can write one.
        faults: What is wrong; empty if the chain is intact.
    """

    rows: int = 0
    first: int | None = None
    last: Head = START
    removal: Removal | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def fault(self, text: str) -> None:
        """Notes a fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)


def verify(
    rows: Iterable[Row],
    head: Head | None,
    removal: Removal | None,
    anchors: Iterable[Head] = (),
    known: int | None = None,
) -> Verification:
    """Looks at every row.

    Args:
        rows: In the order of their numbers.
        head: What the database says is the end; None if that is no head.
        removal: What the newest of the rows `pruned` says; None if there is none.
        anchors: Heads that were kept elsewhere; each of them must hold.
        known: Up to which row whoever asks knows that rows were removed; None if that was not said.
    """
    found = Verification(removal=removal)
    before = removed = START if removal is None else removal.through
    wanted = defaultdict[int, list[str]](list)
    for anchor in anchors:
        wanted[anchor.sequence].append(anchor.hash)
    for row in rows:
        if not isinstance(row.sequence, int):
            found.fault(f"a row has the number {row.sequence!r}")
            continue
        if found.first is None:
            found.first = row.sequence
        _check(found, row, before)
        if any(kept != row.hash for kept in wanted.pop(row.sequence, ())):
            found.fault(f"row {row.sequence} is not the one whose hash was kept: it, or one before it, was changed")
        before = Head(row.sequence, row.hash)
        found.rows += 1
    found.last = before
    _check_end(found, head)
    if removal is not None and known is not None and removed.sequence > known:
        found.fault(f"more was removed than up to row {known}: {removal}")
    _check_anchors(found, [Head(number, kept) for number, hashes in wanted.items() for kept in hashes], known or 0)
    return found


def _check_end(found: Verification, head: Head | None) -> None:
    """The last row against what the database says."""
    last = found.last
    if head is None:
        found.fault("the head was changed")
    elif last.sequence < head.sequence:
        found.fault(f"rows {last.sequence + 1} to {head.sequence} are missing at the end")
    elif last != head:
        found.fault(f"the head is row {head.sequence}, and the last row is {last.sequence}: the end was changed")


def _check_anchors(found: Verification, anchors: Iterable[Head], known: int) -> None:
    """Those whose rows are not there.

    A row `pruned` alone does not explain it: there is no secret in it, and behind one anybody can begin another chain.
    """
    removed = START if found.removal is None else found.removal.through
    unchecked = []
    for anchor in sorted(anchors):
        if anchor in {START, removed}:
            continue
        if anchor.sequence > found.last.sequence:
            found.fault(f"row {anchor.sequence} was kept elsewhere and is not there: the end was removed")
        elif anchor.sequence > removed.sequence:
            found.fault(f"row {anchor.sequence} was kept elsewhere and is not there")
        elif anchor.sequence == removed.sequence:
            found.fault(f"row {anchor.sequence} was kept elsewhere with another hash: {found.removal}")
        elif removed.sequence > known:
            unchecked.append(anchor.sequence)
    if unchecked:
        first, last = unchecked[0], unchecked[-1]
        which = f"row {first}" if first == last else f"rows {first} to {last}, as far as they were kept elsewhere,"
        found.fault(
            f"{which} could not be checked: {found.removal}; --pruned-through {removed.sequence} if you know of that"
        )


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
