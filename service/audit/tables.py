"""The tables, for what reads them, and connections to them (SQLAlchemy)."""

from __future__ import annotations

import sqlite3

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from service.audit.address import Address
from service.audit.entry import COLUMNS
from service.audit.postgresql import connect

_INTEGERS = {"status", "item", "image_bytes", "width", "height", "frame", "version", "stage", "times"}
_DOUBLES = {"threshold", "probability", "duration_ms"}


def _column(name: str) -> Column[object]:
    return Column(name, BigInteger() if name in _INTEGERS else Double() if name in _DOUBLES else Text())


entries = Table(
    "audit_entry",
    MetaData(),
    Column("sequence", BigInteger, primary_key=True),
    Column("format", Integer),
    *(_column(name) for name in COLUMNS),
    Column("previous", Text),
    Column("hash", Text),
)
heads = Table("audit_head", entries.metadata, Column("sequence", BigInteger), Column("hash", Text))


def engine_of(address: Address) -> Engine:
    """An engine whose connections are made when they are used; transactions are the database's own."""
    if address.file is None:
        return create_engine(address.sqlalchemy, poolclass=NullPool, creator=lambda: connect(address))
    engine = create_engine(address.sqlalchemy, poolclass=NullPool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    """Python's module would begin transactions late and end them at each change of a table."""
    connection.isolation_level = None
    # Text that somebody wrote into the file may be none; its row shall show as changed, not as unreadable.
    connection.text_factory = lambda data: data.decode(errors="replace")


def _begin(connection: Connection) -> None:
    # What only reads sees one state of the trail, and keeps nobody from writing to it.
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
