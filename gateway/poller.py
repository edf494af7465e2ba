"""Looks for images in the PACS: those in studies of the last days that did not come before are fetched and queued.

One that the PACS has and does not hand out is noted as missing. It keeps nothing else waiting, and is asked for again
as long as it is found.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import date, timedelta
from threading import Event

from gateway import log
from gateway.dicomweb import DicomWeb, Found
from gateway.objects import WANTED, NoDicomObject, identity, key_of
from gateway.problems import Away, Trouble
from gateway.queue import Full, Queue
from gateway.settings import Settings
from gateway.worker import wait

LOOKED = "looked"
"""Mark of the queue: the day of the last look after which nothing was missing, or too long; or of the first start."""

STARTED = "started"
"""Mark of the queue: the day of the first start. What came since is known, and what was there before is left alone."""

TROUBLE = "look_trouble"
"""Mark of the queue: what the last look stumbled over, empty if nothing."""

LONGEST_WAIT = 3600.0
"""Most seconds between two attempts to fetch one image."""


class Poller:
    """Looks again and again; QIDO-RS cannot ask for what is new, so what the queue knows is left out here."""

    def __init__(self, settings: Settings, web: DicomWeb, queue: Queue, arrived: Callable[[], None]) -> None:
        """`arrived` is called after each new image."""
        self._settings, self._web, self._queue, self._arrived = settings, web, queue, arrived
        for name in (LOOKED, STARTED):
            if queue.marked(name) is None:
                queue.mark(name, queue.marked(LOOKED) or _today().isoformat())

    def run(self, stop: Event) -> None:
        """Looks until told to stop."""
        while not stop.is_set():
            try:
                self.look(stop)
            except sqlite3.Error as error:  # not even the trouble could be noted, for want of room for example
                log.failure("look_failed", error)
            stop.wait(self._settings.poll_seconds)

    def look(self, stop: Event | None = None) -> None:
        """Looks once. The day from which is only moved on if nothing went wrong, so nothing is left out by trouble.

        What was missing for as long as failed images are kept does not hold it up any more: an image that is never to
        be had must not have the looks go through ever more days.
        """
        day, trouble = _today(), ""
        since = self._since(day).strftime("%Y%m%d")
        try:
            for modality in self._settings.poll_modalities:
                for found in self._web.find(modality, since):
                    if stop is not None and stop.is_set():
                        return
                    trouble = ("pacs_incomplete_row" if found is None else self._take(found)) or trouble
            if not self._awaits():
                self._queue.mark(LOOKED, day.isoformat())
        except Full:
            trouble = "queue_full"
        except Trouble as error:
            trouble = error.code
        except Exception as error:  # noqa: BLE001 - whatever a PACS answers must not end the gateway
            log.failure("look_failed", error)
            trouble = f"gateway_{type(error).__name__}"
        self._queue.mark(TROUBLE, trouble)
        if trouble:
            log.event("look_trouble", problem=trouble)

    def _since(self, day: date) -> date:
        """From which day on studies are looked for.

        A clock may have been wrong for a while, as after a start without the time. One that was ahead must not have
        what comes now left out, and one that was behind not have the whole archive looked through.
        """
        looked, started = (date.fromisoformat(str(self._queue.marked(name))) for name in (LOOKED, STARTED))
        return max(min(looked, day), started) - timedelta(days=self._settings.poll_days)

    def _awaits(self) -> bool:
        """Whether an image is missing that may not fall out of what is looked for yet."""
        long_ago = time.time() - self._settings.keep_failed_days * 86_400
        return any(item.since > long_ago for item in self._queue.items("missing"))

    def _take(self, found: Found) -> str | None:
        """Fetches an image unless it came before; returns why it cannot be had, if that is about this one alone."""
        key = key_of(found.instance)
        known = self._queue.item(key)
        if found.sop_class not in WANTED or (known is not None and known.state != "missing"):
            return None
        # What is to wait for longer was noted by a clock that was ahead.
        if known is not None and 0 < known.due - time.time() <= LONGEST_WAIT:
            return known.problem
        try:
            data = self._web.fetch(found)
            problem = None if identity(data).sop_instance == found.instance else "pacs_other_instance"
        except (Away, OSError):
            raise
        except Trouble as error:
            problem = error.code
        except NoDicomObject:
            problem = "no_dicom_object"
        except Exception as error:  # noqa: BLE001 - one image must not keep all others waiting
            problem = f"gateway_{type(error).__name__}"
        if problem:
            seconds = wait(known.attempts + 1 if known else 1, None, LONGEST_WAIT)
            self._queue.miss(key, problem, seconds)
            log.event("not_fetched", key=key, problem=problem, seconds=round(seconds, 1))
            return problem
        if self._queue.add(key, data):
            log.event("fetched", key=key, bytes=len(data))
            self._arrived()
        return None


def _today() -> date:
    return date.today()  # as in StudyDate, by the clock of the clinic
