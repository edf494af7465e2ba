"""What becomes of an item: the service is asked, the report delivered, and what goes wrong tried again in time."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from threading import Condition, Event

from gateway import log
from gateway.items import Item
from gateway.objects import OURS, belongs, identity, is_of
from gateway.problems import Fault, Refused, Trouble, TryAgain
from gateway.queue import Queue, image_file, report_file
from gateway.sender import Deliver

Ask = Callable[[bytes], bytes]
"""The service's report (a DICOM file) on an image (a DICOM file); raises TryAgain or Refused."""

FAULTS = 10
"""After so many attempts that the other side failed over, it is taken to be the object. Others do not count: after an
outage of hours a single one is not the last."""

FIRST_WAIT = 1.0
IDLE = 0.5
"""Seconds between two looks at the queue, which `retry` changes from another process."""


class Renewed(Exception):
    """The image came again with another content during the step, which is to be done again for that."""


class Worker:
    """Works on the items of a queue; `run` may be called in several threads."""

    def __init__(self, queue: Queue, ask: Ask, deliver: Deliver, *, longest_wait: float = 60.0) -> None:
        self._queue, self._ask, self._deliver = queue, ask, deliver
        self._longest_wait = longest_wait
        self._busy: set[str] = set()
        self._changed = Condition()

    def wake(self) -> None:
        """Says that there is something new to do, or that it is time to stop."""
        with self._changed:
            self._changed.notify_all()

    def run(self, stop: Event) -> None:
        """Works until told to stop, and then finishes the step under way."""
        while not stop.is_set():
            item = self._take()
            if item is None:
                continue
            try:
                self.step(item)
            except sqlite3.Error as error:  # not even the trouble could be noted, for want of room for example
                log.failure("not_noted", error, key=item.key)
                stop.wait(self._longest_wait)
            finally:
                with self._changed:
                    self._busy.discard(item.key)

    def step(self, item: Item) -> None:
        """Does what an item waits for, or notes why not."""
        began = time.monotonic()
        try:
            if item.state == "received":
                self._answer(item)
            else:
                self._return(item)
        except Renewed:
            log.event("renewed", key=item.key, state=item.state)
        except Trouble as trouble:
            self._note(item, trouble)
        except Exception as error:  # noqa: BLE001 - one item must not end the work on all others
            log.failure("step_failed", error, key=item.key, state=item.state)
            # A disk without room is not the image's fault; that its file is gone is about this image alone.
            own = isinstance(error, (OSError, sqlite3.Error)) and not isinstance(error, FileNotFoundError)
            self._note(item, (TryAgain if own else Fault)(f"gateway_{type(error).__name__}"))
        else:
            done = "answered" if item.state == "received" else "delivered"
            log.event(done, key=item.key, attempts=item.attempts + 1, seconds=round(time.monotonic() - began, 3))

    def _answer(self, item: Item) -> None:
        image = self._queue.spool.read(image_file(item.key))
        of = identity(image)
        if of.manufacturer == OURS:
            raise Refused("own_heatmap")
        report = self._ask(image)
        if not belongs(report, of):
            raise Refused("report_of_another_study")
        if not self._queue.answered(item.key, report, item.revision):
            raise Renewed

    def _return(self, item: Item) -> None:
        key = item.key
        report = self._queue.spool.read(report_file(key))
        of = identity(self._queue.spool.read(image_file(key)))
        # Of what came once the report was made from these values, which two character sets may write differently.
        if not belongs(report, of) or (item.revision and not is_of(report, of.person)):
            # The image came again meanwhile, for another patient or in another study: somebody corrected it.
            self._queue.ask_again(key)
            raise TryAgain("image_corrected")
        self._deliver(report, identity(report).study)
        if not self._queue.delivered(key, item.revision):
            raise Renewed

    def _note(self, item: Item, trouble: Trouble) -> None:
        attempts, fault = item.attempts + 1, isinstance(trouble, Fault)
        if isinstance(trouble, Refused) or (fault and item.faults + 1 >= FAULTS):
            if self._queue.fail(item.key, trouble.code, item.revision):
                log.event("failed", key=item.key, state=item.state, problem=trouble.code, attempts=attempts)
            else:
                log.event("renewed", key=item.key, state=item.state)
            return
        asked = trouble.seconds if isinstance(trouble, TryAgain) else None
        seconds = wait(attempts, asked, self._longest_wait)
        self._queue.postpone(item.key, trouble.code, seconds, fault=fault)
        fields = {"key": item.key, "state": item.state, "problem": trouble.code, "attempts": attempts}
        log.event("postponed", **fields, seconds=round(seconds, 1))

    def _take(self) -> Item | None:
        with self._changed:
            item = self._queue.due(self._busy, self._longest_wait)
            if item is None:
                self._changed.wait(IDLE)
            else:
                self._busy.add(item.key)
            return item


def wait(attempts: int, asked: float | None, longest: float) -> float:
    """Seconds before the next attempt.

    Args:
        attempts: That went wrong so far, from 1.
        asked: Seconds that the other side asked for.
        longest: In seconds; also of what is asked for.
    """
    # What was put off together, by a PACS that went away, must not come back together.
    own = FIRST_WAIT * 2.0 ** min(attempts - 1, 20) * random.uniform(0.5, 1.0)
    return min(max(own, asked or 0.0), longest * random.uniform(0.75, 1.0))
