"""A real HTTP server, tiny and of a known slowness, in a thread of its own.

with tiny_server(lambda request: Answer(body=request.body), delay=0.05) as port:
    ...
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """What came: `number` counts over all connections, from 0."""

    number: int
    head: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What goes back; `status` 0 ends the connection without an answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class _Tiny:
    def __init__(self, answer: Callable[[Request], Answer], delay: float, one_at_a_time: bool) -> None:
        self.answer, self.delay = answer, delay
        self.turn = asyncio.Semaphore(1 if one_at_a_time else 1000)
        self.requests = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.once(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def once(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lengths = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        request = Request(self.requests, head, body)
        self.requests += 1
        async with self.turn:
            await asyncio.sleep(self.delay)
        answer = self.answer(request)
        if not answer.status:
            return False
        headers = {**answer.headers, "Content-Length": str(len(answer.body))}
        lines = [f"HTTP/1.1 {answer.status} Whatever", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + answer.body)
        await writer.drain()
        return "close" not in headers.get("Connection", "")


@contextmanager
def tiny_server(
    answer: Callable[[Request], Answer] = lambda _: Answer(), *, delay: float = 0.0, one_at_a_time: bool = False
) -> Iterator[int]:
    """Serves on a free port, which is given.

    Args:
        answer: What is answered to a request.
        delay: Seconds before it is.
        one_at_a_time: Whether requests wait for each other.
    """
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    enough = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(_Tiny(answer, delay, one_at_a_time), ports, enough)))
    thread.start()
    try:
        yield ports.get()
    finally:
        enough.set()
        thread.join()


async def _serve(tiny: _Tiny, ports: queue.SimpleQueue[int], enough: threading.Event) -> None:
    server = await asyncio.start_server(tiny.connected, "127.0.0.1", 0, limit=1 << 20, backlog=1024)
    ports.put(int(server.sockets[0].getsockname()[1]))
    await asyncio.to_thread(enough.wait)
    server.close()
    connections = asyncio.all_tasks() - {asyncio.current_task()}
    for connection in connections:
        connection.cancel()
    await asyncio.gather(*connections)
    # A transport closes its socket one round later.
    await asyncio.sleep(0.01)
