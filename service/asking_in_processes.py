"""Answers on the command line about many images: one process for each processor, and this one, which asks them.

Each has a lock of its own where threads would share Python's. They are forked before anything of OpenVINO runs, which
would not survive it.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, Protocol, Self

from model_store.errors import RuntimeUnavailable
from service.asking import Reply

if TYPE_CHECKING:
    from types import TracebackType

Load = Callable[[], "Answering"]

LAST_IMAGE_SECONDS = 5.0
"""How long to wait for a helper that is told to end; it dies with this process in any case."""

_AHEAD = 2
"""Times that a helper is given files before it has answered, so that it need not wait for the next ones."""

_TOGETHER = 4
"""Files that it is given at a time: each time this process takes a processor from one of them. Near the end there are
fewer, so that none of them has some left when the others have none."""

_LOADED = Reply()


class Answering(Protocol):
    """What a helper asks, one file after the other."""

    def expect(self, images: int) -> None:
        """See `Asker.expect`."""

    def ask(self, file: Path) -> Reply:
        """What becomes of one file; raises what `Asker.replies` raises."""


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
        self._helpers: list[_Helper] = []
        try:
            for _ in range(processes):
                self._helpers.append(_Helper(load, self._helpers))
            for helper in self._helpers:
                helper.loaded()
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def expect(self, images: int) -> None:
        """See `Asker.expect`; a helper works on one after the other, however many there are."""

    def replies(self, files: Sequence[Path]) -> Iterator[Reply]:
        """See `Asker.replies`.

        Raises:
            RuntimeUnavailable: A helper ended that should not have.
        """
        left, there = deque(enumerate(files)), dict[int, Reply | Exception]()

        def give(helper: _Helper) -> None:
            share = len(left) // (2 * _AHEAD * len(self._helpers))
            helper.give([left.popleft() for _ in range(min(len(left), max(1, min(share, _TOGETHER))))])

        with DefaultSelector() as ready:
            for helper in self._helpers:
                ready.register(helper.connection, EVENT_READ, helper)
            for helper in self._helpers * _AHEAD:
                give(helper)
            for number in range(len(files)):
                while number not in there:
                    for key, _ in ready.select():
                        there |= key.data.take()
                        give(key.data)
                yield _or_raised(there.pop(number))

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
        self._given: deque[list[tuple[int, Path]]] = deque()

    def loaded(self) -> None:
        """Waits until it is, or raises what kept it from it."""
        for loaded in self._receive():
            _or_raised(loaded)

    def give(self, files: list[tuple[int, Path]]) -> None:
        """The next files, with their numbers; none is nothing to do."""
        if not files:
            return
        try:
            self.connection.send([file for _, file in files])
        except OSError as error:
            raise self._ended() from error
        self._given.append(files)

    def take(self) -> dict[int, Reply | Exception]:
        """Replies, by the numbers of their files: they come as those were given."""
        replies = self._receive()
        return {number: reply for (number, _), reply in zip(self._given.popleft(), replies, strict=True)}

    def _receive(self) -> list[Reply | Exception]:
        try:
            received: list[Reply | Exception] = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        return received

    def _ended(self) -> RuntimeUnavailable:
        """Names what it worked on: the same command would end over it again."""
        files = ", ".join(str(file) for _, file in self._given[0]) if self._given else ""
        over = f", over {files}" if files else ""
        return RuntimeUnavailable(f"One of the processes that work on the images ended by itself{over}.")

    def end(self) -> None:
        """What it still works on, nobody wants."""
        self.connection.close()
        self._process.join(LAST_IMAGE_SECONDS)


def _or_raised(reply: Reply | Exception) -> Reply:
    if isinstance(reply, Exception):
        raise reply
    return reply


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
            connection.send([_reply(asker, file) for file in connection.recv()])
    except (EOFError, OSError):
        pass  # the first process has ended, or wants no more
    finally:
        os._exit(0)  # nothing to flush, and nothing that took part in a fork to take down


def _loaded(connection: Connection, load: Load) -> Answering | None:
    """Tells the first process that it is loaded, or why not."""
    try:
        asker = load()
        asker.expect(1)
    except Exception as error:  # noqa: BLE001 - raised again there
        connection.send([error])
        return None
    connection.send([_LOADED])
    return asker


def _reply(asker: Answering, file: Path) -> Reply | Exception:
    try:
        return asker.ask(file)
    except Exception as error:  # noqa: BLE001 - raised again by whoever asked
        return error
