"""Two ways to load a server. Closed loop: so many clients, each of which asks again as soon as it has its answer; that
finds how much a server can do. Open loop: requests come when they come, however slow the answers are; that is what
patients and their clinics do, and what a queue is for.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Self, TypeVar

import uvloop

from benchmarks.connection import Connection, ConnectionLost, Reply
from benchmarks.samples import LOST, REFUSALS, Samples

Result = TypeVar("Result")

WAITS_SECONDS = 60.0
"""Longer than this nobody waits for an answer."""

_AFTER_A_LOSS_SECONDS = 0.05

clock = time.perf_counter


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs a load. uvloop, because it takes about half of what asyncio's own loop does of a processor."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def closed_loop(
    port: int,
    request: bytes,
    clients: int,
    going_on: Callable[[], bool],
    heard: Callable[[Reply], object] | None = None,
) -> Samples:
    """Asks the same thing again and again.

    Args:
        port: Of the server, on this machine.
        request: As `benchmarks.requests` makes them.
        clients: Connections at once; each waits for its answer before it asks again.
        going_on: Asked before each request whether there shall be another; see `for_seconds`.
        heard: Called with each answer.
    """
    samples = Samples()

    async def client(pool: Pool) -> None:
        while going_on():
            reply = await _ask(pool, request, clock(), samples)
            if reply is None:
                await asyncio.sleep(_AFTER_A_LOSS_SECONDS)
            elif heard is not None:
                heard(reply)

    with Pool(port) as pool:
        await asyncio.gather(*(client(pool) for _ in range(clients)))
    return samples


async def open_loop(
    port: int, request: bytes, moments: Iterable[float], tick: Callable[[float], object] | None = None
) -> Samples:
    """Asks at moments that were fixed before; time counts from then, not from when a connection was free.

    Args:
        port: Of the server, on this machine.
        request: As `benchmarks.requests` makes them.
        moments: Seconds from now, ascending.
        tick: Called with each moment, to show how far it is.
    """
    samples, begun = Samples(), clock()
    under_way: set[asyncio.Task[Reply | None]] = set()
    with Pool(port) as pool:
        for moment in moments:
            # Also when it is late: answers must be taken while it catches up.
            await asyncio.sleep(max(0.0, begun + moment - clock()))
            task = asyncio.create_task(_ask(pool, request, begun + moment, samples))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            if tick is not None:
                tick(moment)
        await asyncio.gather(*under_way)
    return samples


def for_seconds(seconds: float) -> Callable[[], bool]:
    """True until so many seconds from now have passed."""
    until = clock() + seconds
    return lambda: clock() < until


def steady(rate: float, seconds: float) -> Iterator[float]:
    """Moments at equal distances."""
    return (number / rate for number in range(int(rate * seconds)))


def poisson(rate: float, seconds: float, seed: int = 0) -> Iterator[float]:
    """Moments of independent arrivals, as of clinics that do not know of each other."""
    draw = random.Random(seed)
    moments = itertools.accumulate(draw.expovariate(rate) for _ in itertools.count())
    return itertools.takewhile(lambda moment: moment < seconds, moments)


class Pool:
    """Connections to one port that are kept open; a new one is made when all are busy."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._open:
            connection.close()

    async def ask(self, request: bytes) -> Reply:
        """Asks on a connection that is idle, or else on a new one.

        Raises:
            OSError: No connection can be made.
            ConnectionLost: It ended before the answer did.
        """
        connection = await self._take()
        try:
            reply = await connection.ask(request)
        except BaseException:
            # An answer may still come, and it would be taken for that of the next request.
            connection.close()
            raise
        finally:
            self._give_back(connection)
        return reply

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            self._open.discard(connection)
        connection = await Connection.open(self._port)
        self._open.add(connection)
        return connection

    def _give_back(self, connection: Connection) -> None:
        if connection.usable:
            self._idle.append(connection)
        else:
            self._open.discard(connection)


async def _ask(pool: Pool, request: bytes, due: float, samples: Samples) -> Reply | None:
    """Asks and adds what became of it to the samples; None if there was no answer."""
    sent = clock()
    try:
        async with asyncio.timeout(WAITS_SECONDS):
            reply = await pool.ask(request)
    except (OSError, ConnectionLost, TimeoutError):
        samples.add(due=due, sent=sent, done=clock(), status=LOST)
        return None
    retry = reply.status in REFUSALS and reply.header("retry-after") is not None
    samples.add(due=due, sent=sent, done=clock(), status=reply.status, retry_after=retry)
    return reply
