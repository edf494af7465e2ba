"""The gateway as one process: receiver, poller and workers around one queue, until a signal comes."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Thread

from gateway import log
from gateway.asking import Service
from gateway.dicomweb import DicomWeb
from gateway.poller import Poller
from gateway.queue import Queue
from gateway.receiver import Receiver, listening
from gateway.sender import sender
from gateway.settings import Settings
from gateway.tidying import HOUSEKEEPING, Tidying
from gateway.worker import Worker


class AlreadyRunning(Exception):
    """Another gateway works on this folder."""


def run(settings: Settings) -> int:
    """Works until SIGTERM or SIGINT, finishes the steps under way and returns the exit status.

    Returns:
        0 after a signal; 1 if a part of it ended by itself, so that whatever started it starts it again.

    Raises:
        AlreadyRunning: Another one does.
        OSError: The folder cannot be used, or the port not listened on.
    """
    stop, parts = Event(), _Parts()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        stack.enter_context(_alone(settings.state))
        queue = Queue(settings.state, max_items=settings.max_items, max_bytes=settings.max_bytes)
        stack.callback(queue.close)
        queue.sweep()
        web = DicomWeb.of(settings) if settings.pacs_url is not None else None
        if web is not None:
            stack.enter_context(web.http)
        service = stack.enter_context(closing(Service(settings)))
        worker = Worker(queue, service.ask, sender(settings, web), longest_wait=settings.longest_wait)
        stack.callback(parts.join)
        stack.callback(stop.set)  # also if the port is taken
        for _ in range(settings.workers):
            parts.start(lambda: worker.run(stop), stop)
        if web is not None and settings.poll_seconds:
            poller = Poller(settings, web, queue, worker.wake)
            parts.start(lambda: poller.run(stop), stop)
        port = stack.enter_context(listening(settings, Receiver(queue, worker.wake)))
        log.event("listening", host=settings.host, port=port, waiting=queue.counts())
        tidying = Tidying(queue, settings.keep_failed_days * 86_400)
        while not stop.wait(HOUSEKEEPING):
            tidying.look()
    log.event("stopped")
    return parts.status


class _Parts:
    """Threads of which none may end before the rest."""

    def __init__(self) -> None:
        self.status = 0
        self._threads: list[Thread] = []

    def start(self, work: Callable[[], None], stop: Event) -> None:
        """Does the work in a thread of its own; when it ends, however it ends, `stop` is set for all the others.

        Args:
            work: Runs until `stop` is set. What it raises is logged, and `status` is 1 from then on.
            stop: Shared by all parts.
        """

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - noted, and the whole gateway ends
                log.failure("part_ended", error)
                self.status = 1
            finally:
                stop.set()

        self._threads.append(Thread(target=guarded))
        self._threads[-1].start()

    def join(self) -> None:
        """Waits until all of them have ended."""
        for thread in self._threads:
            thread.join()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two gateways on one queue would each deliver a report of their own."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a killed process holds no lock
        yield
    except BlockingIOError as error:
        raise AlreadyRunning(f"another gateway works on {folder}") from error
    finally:
        os.close(descriptor)
