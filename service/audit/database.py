"""What writes the trail: a connection to SQLite or PostgreSQL, used by one thread.

It speaks to the two drivers directly. What is written is four statements, and SQLAlchemy, which reads the trail and
changes its tables, takes 0.3 s of a processor to be imported: longer than the start of the service may grow, and the
models are compiled meanwhile on the same processors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from service.audit.address import Address, statements
from service.audit.chain import FORMAT, START, Head, seal
from service.audit.entry import COLUMNS, Entry
from service.audit.postgresql import connect_writer
from service.audit.sqlite_file import Watch, open_file

REVISION = "0001"
"""Of the tables, as service/audit/migrations makes them."""

LOCK_TABLES = "SELECT pg_advisory_xact_lock(1835363425)"
"""PostgreSQL: whoever makes or changes the tables does it alone."""

PATIENCE_SECONDS = 5.0
"""A statement that takes longer has failed."""

_COLUMNS = ("sequence", "format", *COLUMNS, "previous", "hash")


class DatabaseFailed(Exception):
    """The trail cannot be written or read; the text is the driver's name for the fault, and nothing that it quotes."""


class Database:
    """An open connection. Every method may raise DatabaseFailed, after which it is of no more use but to be closed."""

    def __init__(self, address: Address, reached: Head = START) -> None:
        """Opens it; the tables are made, or brought up to date, if need be.

        Args:
            address: Where it is.
            reached: The end that it had. What was written must still be there: a file that is not there is made only
                where nothing was, and another trail in its place would begin a chain anew, unnoticed.

        Raises:
            DatabaseFailed: It cannot be opened, or a newer version of the software has changed its tables.
        """
        self._sqlite = address.file is not None
        self._reached = reached
        with _failing():
            self._connection, self._watch = _opened(address, make=reached == START)
        mark = "?" if self._sqlite else "%s"
        places = ", ".join([mark] * len(_COLUMNS))
        names = ", ".join(_COLUMNS)
        self._look = "SELECT sequence, hash FROM audit_head" + ("" if self._sqlite else " FOR UPDATE")  # noqa: S608
        self._insert = f"INSERT INTO audit_entry ({names}) VALUES ({places})"  # noqa: S608 - our own names
        self._move = f"UPDATE audit_head SET sequence = {mark}, hash = {mark}"  # noqa: S608
        self.mark = mark
        try:
            self._check_tables(address)
            if self._watch is not None:
                with _failing():
                    self._watch.add_log()
        except BaseException:
            self.close()
            raise

    def append(self, entries: Sequence[Entry]) -> Head:
        """Writes rows at the end of the chain, all of them or none; once it returns they are on the disk.

        Returns:
            The new head.
        """
        with self._undoing():
            head = self._hold()
            with self._together():
                head = self.put(head, entries)
                self.execute("COMMIT")
            self._check_place()  # what was removed while it was written is not on the disk
            self._reached = head
        return head

    def prove(self) -> Head:
        """Writes the head once more as it is: a full disk and a server that only reads can be read all the same.

        Returns:
            The head.
        """
        with self.transaction() as head:
            # There and back: SQLite writes nothing that is what it was.
            self.execute(self._move, head._replace(sequence=head.sequence + 1))
            self.execute(self._move, head)
        return head

    @contextmanager
    def transaction(self) -> Iterator[Head]:
        """Holds the chain alone, whoever else writes to it; gives its head."""
        with self._undoing():
            yield self._hold()
            self.execute("COMMIT")

    def _hold(self) -> Head:
        """Begins a transaction that has the head for itself."""
        if self._sqlite:
            self._check_place()
            self.execute("BEGIN IMMEDIATE")
            return self._follow(Head(*self.execute(self._look).fetchone()))
        cursor = self.execute(f"BEGIN; {self._look}")
        cursor.nextset()
        return self._follow(Head(*cursor.fetchone()))

    def _follow(self, found: Head) -> Head:
        """The head that was found, which others may have moved on, but never back."""
        before = self._reached
        if found.sequence < before.sequence or (found.sequence == before.sequence and found.hash != before.hash):
            raise DatabaseFailed("it lacks rows that were written")
        self._reached = found
        return found

    def _together(self) -> AbstractContextManager[object]:
        """Statements that are sent at once: PostgreSQL's answers are a way to another process and back."""
        return nullcontext() if self._sqlite else self._connection.pipeline()

    def put(self, head: Head, entries: Sequence[Entry]) -> Head:
        """Writes rows inside a transaction; see `append`."""
        rows = []
        for entry in entries:
            before, head = head, seal(head, entry)
            rows.append((head.sequence, FORMAT, *entry, before.hash, head.hash))
        cursor = self._connection.cursor()
        cursor.executemany(self._insert, rows)
        cursor.execute(self._move, head)
        return head

    def head(self) -> Head:
        """The end of the chain, without waiting for who writes to it."""
        with _failing():
            self._check_place()
            return self._follow(Head(*self.execute("SELECT sequence, hash FROM audit_head").fetchone()))

    def _check_place(self) -> None:
        """What is written to a file that was removed or moved is found by nobody, and SQLite does not notice."""
        if self._watch is not None and self._watch.disturbed():
            raise DatabaseFailed("its file was removed or replaced")

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 - either driver's cursor
        """Runs one of our own statements; places for values are `mark`."""
        return self._connection.execute(statement, values)

    def close(self) -> None:
        """Ends the connection, whatever state it is in."""
        try:
            with _failing():
                self._connection.close()
        except DatabaseFailed:
            pass

    def _check_tables(self, address: Address) -> None:
        found = self._revision()
        if found is None:
            self._make_tables()
        elif found < REVISION:
            from service.audit.migration import migrate  # noqa: PLC0415 - half a second, once

            with _failing():
                migrate(address)
        found = self._revision()
        if found != REVISION:
            raise DatabaseFailed(f"its tables are of revision {found}, this software knows {REVISION}")

    def _make_tables(self) -> None:
        """As Alembic would make them: it takes half a second to be imported."""
        with self._undoing():
            self.execute("BEGIN IMMEDIATE" if self._sqlite else f"BEGIN; {LOCK_TABLES}")
            if self._revision() is None:
                self.execute("CREATE TABLE IF NOT EXISTS audit_schema (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
                self.execute(f"INSERT INTO audit_schema VALUES ('{REVISION}')")  # noqa: S608
                for statement in statements(REVISION):
                    self.execute(statement)
            self.execute("COMMIT")

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        """Undoes what was begun if something fails."""
        with _failing():
            try:
                yield
            except BaseException:
                self._connection.rollback()
                raise

    def _revision(self) -> str | None:
        """Of the tables that are there; None if there are none."""
        there = "SELECT 1 FROM sqlite_master WHERE name = 'audit_schema'"
        if not self._sqlite:
            # Not to_regclass, which may still remember that there was none before somebody else made it.
            there = (
                "SELECT 1 FROM pg_catalog.pg_tables"
                " WHERE tablename = 'audit_schema' AND schemaname = ANY (current_schemas(false))"
            )
        with _failing():
            row = self.execute("SELECT version_num FROM audit_schema").fetchone() if self._found(there) else None
        return None if row is None else str(row[0])

    def _found(self, question: str) -> bool:
        return self.execute(question).fetchone() is not None


def _opened(address: Address, *, make: bool) -> tuple[Any, Watch | None]:
    """Either driver's connection, and what watches the file that it is to."""
    if address.file is None:
        return connect_writer(address, PATIENCE_SECONDS), None
    return open_file(address.file, make=make, patience=PATIENCE_SECONDS), Watch(address.file)


@contextmanager
def _failing() -> Iterator[None]:
    """Turns what the drivers raise into DatabaseFailed."""
    try:
        yield
    except DatabaseFailed:
        raise
    except Exception as error:
        # Whatever goes wrong in a driver, its text may quote a row or an address.
        raise DatabaseFailed(reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """What may be told of a driver's error: its type, and the code that SQLite, PostgreSQL or the system has for it."""
    error = getattr(error, "orig", None) or error
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if code is None and isinstance(error, OSError) and error.errno:
        code = os.strerror(error.errno)
    if code is None and type(error).__name__ == "OperationalError":
        code = "(it cannot be reached)"
    return type(error).__name__ + (f" {code}" if code else "")
