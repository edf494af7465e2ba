"""Reading the trail: pages of rows that fit a filter, all of them in turn, and the whole chain to be verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, desc, select
from sqlalchemy.exc import SQLAlchemyError

from service.audit.address import Address
from service.audit.chain import Head, Removal, Row, Verification, verify
from service.audit.database import PATIENCE_SECONDS, DatabaseFailed, reason_of
from service.audit.entry import COLUMNS, Value, moment_of, stamp
from service.audit.retention import pruned_through
from service.audit.tables import engine_of, entries, heads
from service.audit.text import SHOWN

AT_ONCE = 1_000
"""Rows that are in memory at once."""


Record = dict[str, Value]


@dataclass(frozen=True)
class Filter:
    """Which rows are wanted: those that fit all that is not None.

    Attributes:
        since: From this moment on.
        until: Before this moment.
        principal: Id of the key.
        code: Why it was refused.
    """

    since: datetime | None = None
    until: datetime | None = None
    event: str | None = None
    request_id: str | None = None
    principal: str | None = None
    image_sha256: str | None = None
    decision: str | None = None
    status: int | None = None
    code: str | None = None
    model: str | None = None
    version: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """For a statement."""
        wanted: list[ColumnElement[bool]] = []
        if self.since is not None:
            wanted.append(entries.c.at >= stamp(self.since))
        if self.until is not None:
            wanted.append(entries.c.at < stamp(self.until))
        named = {name: value for name, value in asdict(self).items() if name not in {"since", "until"}}
        return wanted + [entries.c[name] == value for name, value in named.items() if value is not None]


@contextmanager
def reading(address: Address) -> Iterator[Connection]:
    """A connection that sees one state of the trail, and keeps nobody from writing to it.

    Raises:
        DatabaseFailed: It cannot be read, then or later.
    """
    if address.file is not None:
        _check_there(address.file)
    try:
        with engine_of(address).connect() as connection:
            reader = connection.execution_options(writes=False)
            if address.file is None:
                reader.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # Whoever rebuilds a table has it for as long as that takes, and who reads keeps all others from it.
                reader.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS:.0f}s'")
            yield reader
    except SQLAlchemyError as error:
        raise DatabaseFailed(reason_of(error)) from error


def _check_there(file: Path) -> None:
    """SQLite would make one."""
    try:
        there = file.is_file()
    except OSError as error:  # in a folder that may not be looked into
        raise DatabaseFailed(reason_of(error)) from error
    if not there:
        raise DatabaseFailed("there is none yet")


def newest(connection: Connection, wanted: Filter, limit: int, before: int | None = None) -> list[Record]:
    """Rows, the newest first.

    Args:
        connection: From `reading`.
        wanted: Which.
        limit: How many at most.
        before: Only rows whose number is smaller: the last of the page before.
    """
    statement = _shown(wanted).order_by(desc(entries.c.sequence)).limit(limit)
    if before is not None:
        statement = statement.where(entries.c.sequence < before)
    return [dict(row) for row in connection.execute(statement).mappings()]


def oldest(connection: Connection, wanted: Filter) -> Iterator[Record]:
    """All rows, the oldest first."""
    statement = _shown(wanted).order_by(entries.c.sequence)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(statement).mappings():
        yield dict(row)


def head_of(connection: Connection) -> Head:
    """The end of the chain.

    Raises:
        DatabaseFailed: Somebody wrote into it, so that it is none.
    """
    head = _written_head(connection)
    if head is None:
        raise DatabaseFailed("its head was changed")
    return head


def _written_head(connection: Connection) -> Head | None:
    found = connection.execute(select(heads.c.sequence, heads.c.hash)).all()
    if len(found) != 1 or not isinstance(found[0].sequence, int) or not isinstance(found[0].hash, str):
        return None
    return Head(found[0].sequence, found[0].hash)


def verify_all(connection: Connection, anchors: Sequence[Head] = (), known: int | None = None) -> Verification:
    """Looks at every row; see `service.audit.chain.verify`."""
    return verify(_rows(connection), _written_head(connection), _removal(connection), anchors, known)


def _removal(connection: Connection) -> Removal | None:
    columns = entries.c
    statement = select(columns.sequence, columns.at, columns.detail).where(columns.event == "pruned")
    found = connection.execute(statement.order_by(desc(columns.sequence)).limit(1)).first()
    if found is None:
        return None
    try:
        at = moment_of(found.at)
        return None if at is None else Removal(pruned_through(found.detail), int(found.sequence), stamp(at))
    except (ValueError, KeyError, TypeError, OverflowError):
        # Somebody wrote into it; the row itself will say so.
        return None


def _rows(connection: Connection) -> Iterable[Row]:
    statement = select(entries).order_by(entries.c.sequence)
    for row in connection.execution_options(yield_per=AT_ONCE).execute(statement).mappings():
        values: dict[str, Any] = {name: row[name] for name in COLUMNS}
        yield Row(row["sequence"], row["previous"], row["hash"], row["format"], values)


def _shown(wanted: Filter) -> Select[Any]:
    return select(*(entries.c[name] for name in SHOWN)).where(*wanted.conditions())
