"""Labels that were moved without asking the service, as `python -m model_store label` does: seen, and recorded as that.

Who moved one is not known, and nobody is named. Nor is it known at first that nobody asked: another process of the
service may have been asked, whose row is about to be written. So a move waits a while, and is recorded only if by then
no row says where its label points.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from service.audit.database import Database
from service.audit.entry import Entry, stamp

if TYPE_CHECKING:
    from model_store.labels import Label

SETTLE_SECONDS = 15.0
"""Longer than the service takes to record the move that it was asked for."""
TOLD_BEFORE = timedelta(minutes=2)
"""So long before a move was seen it may have been recorded: a process that works on images looks late."""

Key = tuple[str, str]
"""A model and one of its labels."""


class _To(NamedTuple):
    """Where a label points."""

    version: int | None = None
    digest: str | None = None
    share: float | None = None


_NOWHERE = _To()


@dataclass(frozen=True)
class _Seen:
    """A label that points elsewhere than before, or did for a moment."""

    at: datetime
    """When it was last seen to change."""
    since: float
    """When first, of the monotonic clock."""
    before: _To


class Moves:
    """What one process sees of the labels: `see` is called by the event loop, the rest by the thread that writes."""

    def __init__(self, software: str) -> None:
        """Has seen nothing yet.

        Args:
            software: Version of the software, for its rows.
        """
        self._software = software
        self._lock = threading.Lock()
        self._now: dict[Key, _To] | None = None
        self._waiting: dict[Key, _Seen] = {}

    def see(self, labels: Mapping[Key, Label]) -> None:
        """Compares all labels with what was seen before; what is seen first is how they were found, and no move."""
        found = {key: _To(label.version, label.digest, label.share) for key, label in labels.items()}
        if found == self._now:
            return
        with self._lock:
            before, self._now = self._now, found
            if before is None:
                return
            for key in before.keys() | found.keys():
                was = before.get(key, _NOWHERE)
                if was != found.get(key, _NOWHERE):
                    waiting, last = self._waiting.get(key), _seen(was)
                    self._waiting[key] = last if waiting is None else replace(waiting, at=last.at)

    def due(self, now: float) -> bool:
        """Whether something has waited for long enough."""
        with self._lock:
            return any(now - seen.since >= SETTLE_SECONDS for seen in self._waiting.values())

    def turn(self, database: Database, now: float, *, closing: bool = False) -> int:
        """Records what is due, and at the end all that waits.

        Returns:
            How many rows were written.

        Raises:
            DatabaseFailed: None was, and what waits goes on waiting.
        """
        with self._lock:
            due = {key: seen for key, seen in self._waiting.items() if closing or now - seen.since >= SETTLE_SECONDS}
            to = {key: (self._now or {}).get(key, _NOWHERE) for key in due}
        if not due:
            return 0
        with database.transaction() as head:
            told = _told(database, min(seen.at for seen in due.values()) - TOLD_BEFORE)
            untold = [key for key, seen in due.items() if to[key] != told.get(key, seen.before)]
            if untold:
                database.put(head, [self._entry(key, due[key], to[key]) for key in sorted(untold)])
        self._forget(to)
        return len(untold)

    def _forget(self, recorded: Mapping[Key, _To]) -> None:
        """What was moved once more meanwhile waits anew."""
        with self._lock:
            for key, to in recorded.items():
                del self._waiting[key]
                if to != (self._now or {}).get(key, _NOWHERE):
                    self._waiting[key] = _seen(to)

    def _entry(self, key: Key, seen: _Seen, to: _To) -> Entry:
        detail = {"model": key[0], "label": key[1], **to._asdict(), "seen": True}
        return Entry(stamp(seen.at), "label", software=self._software, detail=json.dumps(detail))


def _seen(before: _To) -> _Seen:
    return _Seen(datetime.now(UTC), time.monotonic(), before)


def _told(database: Database, since: datetime) -> dict[Key, _To]:
    """Where the labels point, as the newest rows since a moment say of each."""
    # Sorted here: asked for in order, SQLite would go through all rows instead of those since then.
    rows = database.execute(
        f"SELECT sequence, detail FROM audit_entry WHERE at >= {database.mark} AND event = 'label'",  # noqa: S608
        (stamp(since),),
    ).fetchall()
    told = dict[Key, _To]()
    for _, detail in sorted(rows):
        try:
            said = json.loads(detail)
            told[said["model"], said["label"]] = _To(said["version"], said["digest"], said["share"])
        except (ValueError, KeyError, TypeError):
            pass  # of a move that failed; or somebody wrote into it, and `verify` says so
    return told
