"""Answers on the command line about many images: one process for each processor, and this one, which asks them.

Each has a lock of its own where threads would share Python's. They are forked before anything of OpenVINO runs, which
would not survive it.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Self

from model_store.errors import RuntimeUnavailable
from service.asking import Asker, Reply

if TYPE_CHECKING:
    from types import TracebackType

Load = Callable[[], Asker]

LAST_IMAGE_SECONDS = 5.0
"""How long to wait for a helper that is told to end; it dies with this process in any case."""

_AHEAD = 2
"""Images that a helper is given at once, so that it need not wait for the next one."""


class InProcesses:
    """Helpers that were forked from this process. Each ends when its connection does, so with this process."""

    def __init__(self, load: Load, processes: int) -> None:
        """Forks the helpers, and waits until all have loaded.

        Args:
            load: Loads the version that answers, in each of them.
            processes: How many.

        Raises:
            StoreError: What `load` raises there.
            RuntimeUnavailable: One ended that should not have.
        """
        self.threads = _AHEAD * processes
        self._helpers: list[_Helper] = []
        self._idle: queue.SimpleQueue[_Helper] = queue.SimpleQueue()
        try:
            for _ in range(processes):
                self._helpers.append(_Helper(load, self._helpers))
            for helper in self._helpers:
                helper.loaded()
        except BaseException:
            self._end()
            raise
        for helper in self._helpers * _AHEAD:
            self._idle.put(helper)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def expect(self, images: int) -> None:
        """See `Asker.expect`; a helper works on one after the other, however many there are."""

    def ask(self, data: bytes) -> Reply:
        """See `Asker.ask`.

        Raises:
            RuntimeUnavailable: A helper ended that should not have.
        """
        helper = self._idle.get()
        try:
            return helper.ask(data)
        finally:
            self._idle.put(helper)

    def _end(self) -> None:
        for helper in self._helpers:
            helper.end()


class _Helper:
    """One of them, as the first process sees it."""

    def __init__(self, load: Load, others: Sequence[_Helper]) -> None:
        fork = get_context("fork")
        self.connection, there = fork.Pipe()
        ends = [self.connection, *(other.connection for other in others)]
        self._process: BaseProcess = fork.Process(target=_help, args=(there, load, ends), daemon=True)
        self._process.start()
        there.close()
        self._sending, self._receiving = threading.Lock(), threading.Lock()

    def loaded(self) -> None:
        """Waits until it is, or raises what kept it from it."""
        self._receive()

    def ask(self, data: bytes) -> Reply:
        """Replies come in the order of the questions: who has sent waits to receive before the next one sends."""
        with self._sending:
            try:
                self.connection.send_bytes(data)
            except OSError as error:
                raise _ended() from error
            self._receiving.acquire()
        try:
            reply = self._receive()
        finally:
            self._receiving.release()
        if reply is None:
            raise _ended()
        return reply

    def _receive(self) -> Reply | None:
        try:
            received: Reply | Exception | None = self.connection.recv()
        except (EOFError, OSError) as error:
            raise _ended() from error
        if isinstance(received, Exception):
            raise received
        return received

    def end(self) -> None:
        """What it still works on, nobody wants."""
        self.connection.close()
        self._process.join(LAST_IMAGE_SECONDS)


def _ended() -> RuntimeUnavailable:
    return RuntimeUnavailable("One of the processes that work on the images ended by itself.")


def _help(connection: Connection, load: Load, ends: Sequence[Connection]) -> None:
    """The helper itself.

    Args:
        connection: Its end.
        load: See `InProcesses`.
        ends: The first process's ends; held open here, they would not end with it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the keyboard it comes to all; the first process ends the others
    for end in ends:
        end.close()
    try:
        asker = _loaded(connection, load)
        while asker is not None:
            connection.send(_reply(asker, connection.recv_bytes()))
    except (EOFError, OSError):
        pass  # the first process has ended, or wants no more
    finally:
        os._exit(0)  # nothing to flush, and nothing that took part in a fork to take down


def _loaded(connection: Connection, load: Load) -> Asker | None:
    """Tells the first process that it is loaded, or why not."""
    try:
        asker = load()
        asker.expect(1)
    except Exception as error:  # noqa: BLE001 - raised again there
        connection.send(error)
        return None
    connection.send(None)
    return asker


def _reply(asker: Asker, data: bytes) -> Reply | Exception:
    try:
        return asker.ask(data)
    except Exception as error:  # noqa: BLE001 - raised again by whoever asked
        return error
