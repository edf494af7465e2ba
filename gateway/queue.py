"""Which image is how far. Every step is on the disk before anybody is told of it, so that any process may be killed.

    received --the service answered--> answered --the PACS has the report--> delivered
        \\______________________________/ \\_______________________/
                        |                              |
                        +------- refused for good -----+--> failed --`retry`, or the image comes again--> ...

    answered --the image came again with another patient or study--> received

    missing --fetched by the poller, or sent by the PACS--> received

A row is kept for ever, for an image that comes twice to be known; it holds a hash of the UID, and nothing of a patient.
The files of an item, `KEY.image` and `KEY.report`, go once it is delivered.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from threading import RLock

from gateway.items import COLUMNS, Item, State, bring_up_to_date
from gateway.spool import Spool

DATABASE = "queue.sqlite3"


class Full(Exception):
    """There is no room for another image."""


class Queue:
    """The items of a folder; safe to use from several threads, and readable for another process at the same time."""

    def __init__(self, folder: Path, *, max_items: int = 10_000, max_bytes: int = 5_000_000_000) -> None:
        """Opens the queue, or makes an empty one.

        Args:
            folder: Of its own; made if need be.
            max_items: Images that may be kept at once.
            max_bytes: Bytes that their images may have together.
        """
        self.spool = Spool(folder / "spool")
        self._max_items, self._max_bytes = max_items, max_bytes
        self._lock = RLock()
        database = folder / DATABASE
        os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite's other files take over these rights
        self._sql = sqlite3.connect(database, isolation_level=None, check_same_thread=False, timeout=30)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = FULL")  # a step is on the disk when it is committed
        bring_up_to_date(self._sql)

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._sql.close()

    def add(self, key: str, image: bytes) -> bool:
        """Takes an image; when this returns, it cannot get lost.

        Returns:
            Whether it is new, or comes after it failed or was missing. Of one that comes again while it waits the
            newest content counts: its patient may have been corrected. Its report is kept, even if it failed: the PACS
            may have it, and must not get a second one.

        Raises:
            Full: There is no room.
            OSError, sqlite3.Error: The disk does not take it.
        """
        with self._lock:
            known = self.item(key)
            if known is not None and known.state == "delivered":
                return False
            if known is not None and known.state in {"received", "answered"}:
                self._renew(known, image)
                return False
            if known is not None and known.bytes and self.spool.has(report_file(key)):
                self._renew(known, image)
                self._step(key, "answered")
                return True
            self._check_room(image, known)
            self.spool.remove(report_file(key))
            self.spool.write(image_file(key), image)
            try:
                self._execute(
                    f"INSERT OR REPLACE INTO items ({COLUMNS}) VALUES (?, 'received', ?, 0, ?, NULL, ?, 0, 0)",  # noqa: S608
                    key, len(image), now := time.time(), now,
                )  # fmt: skip
            except sqlite3.Error:
                self.spool.remove(image_file(key))
                raise
            return True

    def _renew(self, known: Item, image: bytes) -> None:
        """Takes the newest content of an image that is there already."""
        name = image_file(known.key)
        if len(image) == known.bytes and self.spool.has(name) and self.spool.read(name) == image:
            return
        self._check_room(image, known)
        self.spool.write(name, image)
        self._execute("UPDATE items SET bytes = ?, revision = revision + 1 WHERE key = ?", len(image), known.key)

    def _check_room(self, image: bytes, known: Item | None) -> None:
        # One whose image is gone takes up no room.
        items, taken = self._one("SELECT COUNT(*), TOTAL(bytes) FROM items WHERE state != 'delivered' AND bytes > 0")
        before = 0 if known is None else known.bytes
        if items - (before > 0) >= self._max_items or taken - before + len(image) > self._max_bytes:
            raise Full

    def item(self, key: str) -> Item | None:
        """How an image stands."""
        return next(iter(self._items("WHERE key = ?", key)), None)

    def due(self, busy: set[str], longest: float = 86_400.0) -> Item | None:
        """The item whose next step has waited longest, of those that are due and not `busy`.

        Args:
            busy: Keys that are left out.
            longest: Seconds that no step is put off for. What is to wait for longer was noted by a clock that was ahead
                and has been put right, and is due.
        """
        waiting = "WHERE state IN ('received', 'answered') AND (due <= ? OR due > ?) ORDER BY due LIMIT ?"
        now = time.time()
        found = self._items(waiting, now, now + longest, len(busy) + 1)
        return next((item for item in found if item.key not in busy), None)

    def answered(self, key: str, report: bytes, revision: int | None = None) -> bool:
        """Notes the report of an image; from here on it is this report that is delivered, and never another.

        Args:
            key: Of the image.
            report: On it.
            revision: Of the content that was asked about, see `delivered`.

        Returns:
            Whether it was noted.
        """
        with self._lock:
            if not self._is(key, revision):
                return False
            self.spool.write(report_file(key), report)
            self._step(key, "answered")
            return True

    def ask_again(self, key: str) -> None:
        """Forgets the report of an image that has another patient or study by now; the next one is on what is there."""
        with self._lock:
            self._step(key, "received")
            self._execute("UPDATE items SET revision = 0 WHERE key = ?", key)
            self.spool.remove(report_file(key))

    def delivered(self, key: str, revision: int | None = None) -> bool:
        """Notes that the PACS has the report, and forgets image and report.

        Args:
            key: Of the image.
            revision: Of the content that the step began with; None for whatever is there. If it came again with another
                one meanwhile, which maybe corrects its patient, nothing is forgotten, and its step is due.

        Returns:
            Whether it is done.
        """
        with self._lock:
            if not self._is(key, revision):
                return False
            self._step(key, "delivered")
            self._forget(key)
            return True

    def postpone(self, key: str, problem: str, seconds: float, *, fault: bool = False) -> None:
        """Notes that a step went wrong, maybe because of the image, and is to be tried again in so many seconds."""
        self._execute(
            "UPDATE items SET attempts = attempts + 1, faults = faults + ?, problem = ?, due = ? WHERE key = ?",
            fault, problem, time.time() + seconds, key,
        )  # fmt: skip

    def fail(self, key: str, problem: str, revision: int | None = None) -> bool:
        """Notes that an item is refused for good, and why; its files stay for `retry`.

        Args:
            key: Of the image.
            problem: Why.
            revision: Of the content that was refused; None for whatever is there. If it came again with another one
                meanwhile, that is not given up for it, and its step is due.

        Returns:
            Whether it failed.
        """
        with self._lock:
            if not self._is(key, revision):
                return False
            self._execute(
                "UPDATE items SET state = 'failed', attempts = attempts + 1, problem = ?, since = ? WHERE key = ?",
                problem, time.time(), key,
            )  # fmt: skip
            return True

    def _is(self, key: str, revision: int | None) -> bool:
        """Whether an image still has the content that a step began with; if not, the step is due at once."""
        if revision is None:
            return True
        renewed = "UPDATE items SET attempts = 0, faults = 0, problem = NULL, due = ? WHERE key = ? AND revision != ?"
        return not self._execute(renewed, time.time(), key, revision)

    def miss(self, key: str, problem: str, seconds: float) -> None:
        """Notes that the PACS has an image and does not hand it out, and is to be asked again in so many seconds."""
        self._execute(
            "INSERT INTO items (key, state, bytes, attempts, due, problem, since) VALUES (?, 'missing', 0, 1, ?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1, due = excluded.due, problem = excluded.problem "
            "WHERE state = 'missing'",
            key, (now := time.time()) + seconds, problem, now,
        )  # fmt: skip

    def retry(self, key: str) -> bool:
        """Lets a failed item go on where it stopped; False if it did not fail or its image is gone."""
        step = "answered" if self.spool.has(report_file(key)) else "received"
        changed = self._execute(
            "UPDATE items SET state = ?, attempts = 0, faults = 0, due = ?, since = ? "
            "WHERE key = ? AND state = 'failed' AND bytes > 0",
            step, now := time.time(), now, key,
        )  # fmt: skip
        return changed > 0

    def expire(self, seconds: float) -> int:
        """Removes the files of items that failed longer ago than this, and says of how many; the rows stay."""
        before = time.time() - seconds
        keys = [item.key for item in self.items("failed") if item.bytes and item.since < before]
        return sum(self._expire(key, before) for key in keys)

    def _expire(self, key: str, before: float) -> bool:
        with self._lock:  # the image may come again at any moment, and must not be removed then
            gone = "UPDATE items SET bytes = 0 WHERE key = ? AND state = 'failed' AND since < ?"
            if not self._execute(gone, key, before):
                return False
            self._forget(key)
            return True

    def items(self, state: State) -> list[Item]:
        """All items in a state, oldest first."""
        return self._items("WHERE state = ? ORDER BY since", state)

    def counts(self) -> dict[str, int]:
        """How many items there are in each state."""
        with self._lock, closing(self._sql.execute("SELECT state, COUNT(*) FROM items GROUP BY state")) as rows:
            return dict(rows.fetchall())

    def mark(self, name: str, value: str) -> None:
        """Remembers a value under a name."""
        self._execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", name, value)

    def marked(self, name: str) -> str | None:
        """The value that was remembered last."""
        row = self._one("SELECT MAX(value) FROM marks WHERE name = ?", name)
        return None if row[0] is None else str(row[0])

    def sweep(self) -> None:
        """Removes files that a killed process left behind: half written ones, and those of no item that waits.

        An image of which nothing is known is taken up: somebody may have been told that it is here, before the database
        was damaged and replaced by an empty one.
        """
        names = self.spool.names()
        for name in names:
            key, _, kind = name.partition(".")
            if kind == "image" and self.item(key) is None:
                self._take_up(key, "answered" if report_file(key) in names else "received")
        kept = {item.key for state in ("received", "answered", "failed") for item in self.items(state) if item.bytes}
        for name in names:
            key, _, kind = name.partition(".")
            if key not in kept or kind not in {"image", "report"}:
                self.spool.remove(name)

    def _take_up(self, key: str, state: State) -> None:
        self._execute(
            f"INSERT INTO items ({COLUMNS}) VALUES (?, ?, ?, 0, ?, NULL, ?, 0, 0)",  # noqa: S608
            key, state, self.spool.size(image_file(key)), now := time.time(), now,
        )  # fmt: skip

    def _step(self, key: str, state: State) -> None:
        gone = state == "delivered"
        self._execute(
            "UPDATE items SET state = ?, bytes = bytes * ?, attempts = 0, faults = 0, problem = NULL, due = ?, "
            "since = ? WHERE key = ?",
            state, not gone, now := time.time(), now, key,
        )  # fmt: skip

    def _forget(self, key: str) -> None:
        self.spool.remove(image_file(key))
        self.spool.remove(report_file(key))

    def _execute(self, statement: str, *values: object) -> int:
        """Runs one statement, which is one transaction, and returns how many rows it changed."""
        with self._lock:
            return self._sql.execute(statement, values).rowcount

    def _one(self, query: str, *values: object) -> tuple[int, ...]:
        with self._lock, closing(self._sql.execute(query, values)) as rows:
            row: tuple[int, ...] = rows.fetchone()
            return row

    def _items(self, where: str, *values: object) -> list[Item]:
        with self._lock, closing(self._sql.execute(f"SELECT {COLUMNS} FROM items {where}", values)) as rows:  # noqa: S608
            return [Item(*row) for row in rows.fetchall()]


def image_file(key: str) -> str:
    """Name of an image's file in the spool."""
    return f"{key}.image"


def report_file(key: str) -> str:
    """Name of a report's file in the spool."""
    return f"{key}.report"
