"""One row of the queue: an image on its way, and the table that it is in."""

from __future__ import annotations

import sqlite3
from typing import Literal, NamedTuple

State = Literal["received", "answered", "delivered", "failed", "missing"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due REAL NOT NULL,
    problem TEXT,
    since REAL NOT NULL,
    faults INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS waiting ON items (due) WHERE state IN ('received', 'answered');
CREATE INDEX IF NOT EXISTS kept ON items (state, bytes) WHERE state != 'delivered';
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

COLUMNS = "key, state, bytes, attempts, due, problem, since, faults, revision"


class Item(NamedTuple):
    """One image on its way."""

    key: str
    state: State
    bytes: int
    """Size of the image's file; 0 once it is gone."""
    attempts: int
    """How often the step that it is waiting for went wrong; of one that is missing, how often it was not to be had."""
    due: float
    """When that step is to be tried, in seconds of the epoch."""
    problem: str | None
    """What went wrong last: a code of ours or the service's, nothing quoted."""
    since: float
    """When it came into its state."""
    faults: int
    """How many of the attempts may have gone wrong because of the image."""
    revision: int = 0
    """How often it came again with another content while it waited."""


def bring_up_to_date(database: sqlite3.Connection) -> None:
    """Makes the tables, and adds what those of an earlier version lack."""
    database.executescript(_SCHEMA)
    with database:
        database.execute("BEGIN IMMEDIATE")  # `status` may come to it at the same time
        there = {row[1] for row in database.execute("PRAGMA table_info(items)").fetchall()}
        for column in ("faults", "revision"):
            if column not in there:
                database.execute(f"ALTER TABLE items ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
