"""The thread that writes the trail: all that waits goes into one transaction, so that a wait for the disk is shared.

Whoever hands rows over is told when they are on the disk. Threads that work on images never wait for it; only the
answer whose row it is does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from service import log
from service.audit.address import Address
from service.audit.chain import START, Head
from service.audit.database import PATIENCE_SECONDS, Database, DatabaseFailed
from service.audit.entry import Entry, stamp
from service.audit.keeping import Keeping
from service.audit.moves import Moves

MOST_WAITING = 10_000
"""Rows. More are refused, so that memory is bounded whatever the database does."""
GATHER_SECONDS = 0.025
"""How long rows wait for others while images wait for a thread: no thread is idle meanwhile, an answer waits for ten
times as long as that in any case, and a transaction, which costs about a millisecond of a processor, is of several."""
RETRY_SECONDS = 1.0
PROBE_SECONDS = 5.0
"""How often a database that nothing is written to is asked whether it is there."""
SUM_SECONDS = 60.0
"""How often refusals of strangers are written, as sums."""
SILENT = "it does not answer"
"""Of a database that neither does what it is told nor says that it cannot."""
ANCHOR_SECONDS = 300.0
"""How often the head goes into the log, where who can change the database cannot change it."""


class Meter(Protocol):
    """What is counted."""

    def audited(self, rows: int, seconds: float, sequence: int) -> None:
        """Rows are on the disk, so long after the first of them was handed over."""

    def audit_failed(self) -> None:
        """A transaction failed."""


@dataclass(frozen=True)
class _Waiting:
    entries: Sequence[Entry]
    done: Future[None]
    since: float


class Writer:
    """Begins with `start`. All but the thread's own methods may be called from anywhere and never wait."""

    def __init__(
        self,
        address: Address,
        meter: Meter,
        *,
        software: str,
        days: int | None = None,
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        """Opens nothing yet.

        Args:
            address: Where to.
            meter: Told of what happens.
            software: Version of the software, for its own rows.
            days: After how many rows are removed; None keeps them.
            crowded: Whether images wait for a thread now.
        """
        self._address, self._meter, self._software = address, meter, software
        self._crowded = crowded
        self._wake = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._rows = 0
        self._gathering = False
        self._refused: Counter[tuple[str, str]] = Counter()
        self._closing = False
        self._database: Database | None = None
        self._trouble: str | None = "it is being opened"
        self._failed = False
        self._busy_since: float | None = None
        now = time.monotonic()
        self._sum_at = self._probe_at = now
        self._keeping = None if days is None else Keeping(days, now)
        self.moves = Moves(software)
        """Of labels, for who sees where they point."""
        self._anchored, self._anchor_at = Head(0, ""), now
        self._reached = START
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now; None while it can."""
        return SILENT if self._trouble is None and self.stands_still else self._trouble

    @property
    def stands_still(self) -> bool:
        """Whether what is being done takes longer than anything should, and all that is handed over waits for it."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > PATIENCE_SECONDS

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk yet."""
        return self._rows

    def submit(self, entries: Sequence[Entry]) -> Future[None]:
        """Hands rows over; they are written together, after those that were handed over before.

        Returns:
            Done when they are on the disk, or failed with DatabaseFailed. Cancelled in time, they are not written.
        """
        one = _Waiting(entries, Future(), time.monotonic())
        with self._wake:
            refused = "it is closed" if self._closing else self._trouble if self._failed else None
            if refused is None and self._rows and self._rows + len(entries) > MOST_WAITING:
                refused = "it is too slow"
            if refused is not None:
                one.done.set_exception(DatabaseFailed(refused))
                return one.done
            self._waiting.append(one)
            self._rows += len(entries)
            if not self._gathering:
                self._wake.notify()
        return one.done

    def refused(self, route: str, code: str) -> None:
        """Counts a refusal of somebody who was not let in; it is written with others, as their sum."""
        with self._wake:
            self._refused[route, code] += 1

    def close(self) -> None:
        """Writes what waits, and ends."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(2 * PATIENCE_SECONDS)

    def _run(self) -> None:
        try:
            self._open()  # before it waits for rows: the service is not ready until the trail can be written
        except Exception as error:  # noqa: BLE001 - see below
            self._fail((), error)
        while True:
            taken, closing = self._take()
            try:
                self._turn(taken, closing)
            except Exception as error:  # noqa: BLE001 - without this thread everybody would wait, and be told nothing
                self._fail(taken, error)
            finally:
                self._busy_since = None
                with self._wake:
                    self._rows = sum(len(one.entries) for one in self._waiting)
            if closing:
                break
        if self._database is not None:
            self._database.close()

    def _take(self) -> tuple[list[_Waiting], bool]:
        """What waits, as soon as something does; nothing when it is time to look after the database."""
        with self._wake:
            if not self._waiting and not self._closing:
                self._wake.wait(RETRY_SECONDS)
            if self._waiting and not self._failed and self._crowded():
                self._gather()
            taken = [one for one in self._waiting if one.done.set_running_or_notify_cancel()]
            self._waiting.clear()
            self._busy_since = time.monotonic()
            return taken, self._closing

    def _gather(self) -> None:
        """Waits for more, woken by none of them; the lock is held by whoever calls, and not meanwhile."""
        self._gathering = True
        self._wake.wait_for(lambda: self._closing, GATHER_SECONDS)
        self._gathering = False

    def _turn(self, taken: Sequence[_Waiting], closing: bool) -> None:
        """Writes, then does what is due."""
        database = self._open()
        now = time.monotonic()
        sums = self._sums(now, closing)
        entries = [entry for one in taken for entry in one.entries] + sums
        if entries:
            self._append(database, entries, taken, sums)
        elif now >= self._probe_at:
            self._note_head(database.head(), now)
            self._probe_at = now + PROBE_SECONDS
        if (closing or self.moves.due(now)) and self.moves.turn(database, now, closing=closing):
            self._note_head(database.head(), now)
        if closing:
            self._note_head(database.head(), now, at_once=True)
        elif self._keeping is not None and self._keeping.due(now):
            self._prune(self._keeping, database, now)

    def _prune(self, keeping: Keeping, database: Database, now: float) -> None:
        """Removes what is old. Where that fails, recording goes on: rows that are kept too long harm less than none."""
        try:
            removed = keeping.turn(database, now)
        except DatabaseFailed as error:
            log.event("audit_prune_failed", logging.ERROR, where=str(self._address), reason=str(error))
            self._meter.audit_failed()
            # The next turn opens it anew: it may have failed because the connection did.
            self._database = None
            database.close()
            return
        if removed is not None:
            self._note_head(removed.head, now, at_once=True)

    def _open(self) -> Database:
        if self._database is None:
            self._database = Database(self._address, self._reached)
            head = self._database.prove()
            self._note_head(head, time.monotonic())
            if self._keeping is not None:
                self._keeping.opened(self._database)
            log.event("audit_opened", where=str(self._address), sequence=head.sequence)
        if self._trouble is not None:
            self._trouble, self._failed = None, False
        return self._database

    def _append(
        self, database: Database, entries: Sequence[Entry], taken: Sequence[_Waiting], sums: Sequence[Entry]
    ) -> None:
        try:
            head = database.append(entries)
        except DatabaseFailed:
            with self._wake:
                for entry in sums:
                    self._refused[str(entry.route), str(entry.code)] += entry.times or 0
            raise
        now = time.monotonic()
        self._meter.audited(len(entries), now - min((one.since for one in taken), default=now), head.sequence)
        for one in taken:
            one.done.set_result(None)
        self._note_head(head, now)

    def _sums(self, now: float, closing: bool) -> list[Entry]:
        """Rows of the refusals since the last ones, at most one for each route and code."""
        if not self._refused or (now < self._sum_at and not closing):
            return []
        self._sum_at = now + SUM_SECONDS
        with self._wake:
            refused, self._refused = self._refused, Counter()
        return [
            Entry(stamp(), "refusals", route=route, code=code, times=count, software=self._software)
            for (route, code), count in refused.items()
        ]

    def _note_head(self, head: Head, now: float, *, at_once: bool = False) -> None:
        """Now and then, into the log."""
        self._reached = head
        if head != self._anchored and (at_once or now >= self._anchor_at):
            log.event("audit_head", sequence=head.sequence, hash=head.hash)
            self._anchored, self._anchor_at = head, now + ANCHOR_SECONDS

    def _fail(self, taken: Sequence[_Waiting], error: Exception) -> None:
        expected = isinstance(error, DatabaseFailed)
        reason = self._trouble = str(error) if expected else type(error).__name__
        if not self._failed:
            places = {} if expected else {"at": log.places(error.__traceback__)}
            log.event("audit_failed", logging.ERROR, where=str(self._address), reason=reason, **places)
        self._failed = True
        self._meter.audit_failed()
        for one in taken:
            if not one.done.done():
                one.done.set_exception(DatabaseFailed(reason))
        database, self._database = self._database, None
        if database is not None:
            database.close()
