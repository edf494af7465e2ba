"""The trail of a serving process: whether there is one, what happens while it cannot be written, and who reads it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request

from service import log
from service.audit.address import Address
from service.audit.database import PATIENCE_SECONDS, DatabaseFailed
from service.audit.entry import Entry, Event
from service.audit.notes import Notes
from service.audit.writer import SILENT, Meter, Writer
from service.problems import AuditUnavailable

if TYPE_CHECKING:
    from model_store.labels import Label

Mode = Literal["required", "preferred", "off"]

Result = TypeVar("Result")

_TELL_EVERY_SECONDS = 60.0


class Metered(Meter, Protocol):
    """What is counted."""

    def audit_lost(self, rows: int) -> None:
        """Rows were not written, and the requests answered all the same."""


class Trail:
    """Lives on the event loop, as long as the app."""

    def __init__(  # noqa: PLR0913 - as `Writer`
        self,
        mode: Mode,
        address: Address,
        meter: Metered,
        *,
        software: str,
        days: int | None = None,
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        """Opens nothing yet; see `Writer`."""
        self.mode, self.address, self.software = mode, address, software
        self._meter = meter
        self._writer = Writer(address, meter, software=software, days=days, crowded=crowded)
        self._lost, self._tell_at = 0, 0.0
        self._readers = CapacityLimiter(1)

    @property
    def enabled(self) -> bool:
        """Whether anything is recorded."""
        return self.mode != "off"

    @property
    def trouble(self) -> str | None:
        """Why nothing can be recorded now; None while it can, or where nothing is."""
        if not self.enabled or self._writer.trouble is None:
            return None
        return f"The audit trail cannot be written: {self._writer.trouble}."

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk yet."""
        return self._writer.waiting

    def start(self) -> None:
        """Opens it, in a thread."""
        if self.enabled:
            self._writer.start()

    def close(self) -> None:
        """Writes what waits; blocking."""
        if self.enabled:
            self._writer.close()

    def open(self, request: Request, event: Event = "image") -> Notes:
        """The notes of a request that was let in: from here on it gets a row, whatever becomes of it."""
        notes = request.state.audit = Notes(event)
        return notes

    def check(self) -> None:
        """Before anything is done for a request.

        Raises:
            AuditUnavailable: It could not be recorded, and must be.
        """
        if self.mode == "required" and (trouble := self.trouble) is not None:
            raise AuditUnavailable(trouble)

    async def record(self, entries: Sequence[Entry]) -> None:
        """Waits until rows are on the disk.

        Raises:
            AuditUnavailable: They are not, and must be.
        """
        if not self.enabled:
            return
        if self.mode == "preferred" and self._writer.stands_still:  # or each answer would wait as long as it may
            self._lose(len(entries), SILENT)
            return
        try:
            async with asyncio.timeout(2 * PATIENCE_SECONDS):
                await asyncio.wrap_future(self._writer.submit(entries))
        except (DatabaseFailed, TimeoutError) as error:
            reason = str(error) or SILENT
            if self.mode == "required":
                raise AuditUnavailable(f"The audit trail cannot be written: {reason}.") from None
            self._lose(len(entries), reason)

    def refused(self, route: str, code: str) -> None:
        """Counts a refusal of somebody who was not let in."""
        if self.enabled:
            self._writer.refused(route, code)

    def see(self, labels: Mapping[tuple[str, str], Label]) -> None:
        """Notices which labels were moved without asking the service, by where all of them point now."""
        if self.enabled:
            self._writer.moves.see(labels)

    async def read(self, work: Callable[[], Result]) -> Result:
        """Runs work that reads the trail, in a thread, one after the other.

        Raises:
            AuditUnavailable: It cannot be read.
        """
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._readers)
        except DatabaseFailed as error:
            raise AuditUnavailable(f"The audit trail cannot be read: {error}.") from None

    def _lose(self, rows: int, reason: str) -> None:
        self._meter.audit_lost(rows)
        self._lost += rows
        if time.monotonic() >= self._tell_at:
            log.event("audit_lost", logging.ERROR, rows=self._lost, reason=reason)
            self._lost, self._tell_at = 0, time.monotonic() + _TELL_EVERY_SECONDS
