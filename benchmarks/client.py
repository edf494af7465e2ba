"""A load of a fixed number of requests over kept-open connections; raw asyncio, so that the client costs little."""

from __future__ import annotations

import asyncio
import time

BOUNDARY = "melanoserve-benchmark"


def multipart_request(image: bytes) -> bytes:
    """A whole HTTP/1.1 request that posts a JPEG to /classify as multipart field `file`."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="i.jpg"\r\n'
    body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = (
        "POST /classify HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return headers.encode() + body


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if not head.startswith("http/1.1 200"):
        raise RuntimeError(f"the service answered {head.splitlines()[0]}")
    length = next(line for line in head.splitlines() if line.startswith("content-length:"))
    await reader.readexactly(int(length.removeprefix("content-length:")))


async def _connection(port: int, request: bytes, count: int, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        start = time.perf_counter()
        await _exchange(reader, writer, request)
        times.append(time.perf_counter() - start)
    writer.close()
    await writer.wait_closed()


def load(port: int, image: bytes, *, clients: int, requests: int) -> tuple[float, float]:
    """Post the image again and again.

    Args:
        port: Where the service listens on 127.0.0.1.
        image: A JPEG file.
        clients: Connections at once.
        requests: Requests over all connections.

    Returns:
        Requests per second, and the median time of a request in seconds.

    Raises:
        RuntimeError: An answer was not 200.
    """
    times: list[float] = []
    request = multipart_request(image)

    async def run() -> float:
        start = time.perf_counter()
        await asyncio.gather(*(_connection(port, request, requests // clients, times) for _ in range(clients)))
        return time.perf_counter() - start

    elapsed = asyncio.run(run())
    return len(times) / elapsed, sorted(times)[len(times) // 2]
