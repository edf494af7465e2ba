"""One HTTP/1.1 connection that costs its process little: the load shares the processors with what it measures.

A whole request is one write of bytes that were made before; of the answer no more is looked at than where it ends.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import cast

# A request with its image fits, so that it is handed to the kernel in one call and sent from there.
_SEND_BUFFER = 1 << 20


class ConnectionLost(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value, None if there is none."""
        return _header(self.head.lower(), name.lower().encode())


class Connection(asyncio.Protocol):
    """Asks one thing after another. `usable` is False once the other side has closed it, or will."""

    def __init__(self) -> None:
        self.usable = False
        self._buffer = bytearray()
        self._answer: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connects to a port of this machine. It must be closed: uvloop's loop waits for those that are left open."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: bytes) -> Reply:
        """Sends a request and waits for its answer.

        Raises:
            ConnectionLost: It ended before the answer did.
        """
        if self._transport is None or not self.usable:
            raise ConnectionLost("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def send(self, data: bytes) -> None:
        """Sends something whose answer nobody waits for."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Ends the connection at once, whatever is under way."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio calls this."""
        # uvloop's is one without being declared as one.
        self._transport = cast(asyncio.Transport, transport)
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        """asyncio calls this."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        lowered = bytes(self._buffer[:end]).lower()
        length = int(_header(lowered, b"content-length") or 0)
        if len(self._buffer) < end + length:
            return
        reply = Reply(int(self._buffer[9:12]), bytes(self._buffer[:end]), bytes(self._buffer[end : end + length]))
        del self._buffer[: end + length]
        if b"\r\nconnection: close\r\n" in lowered:
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reply)

    def connection_lost(self, _: Exception | None) -> None:
        """asyncio calls this."""
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionLost("the connection ended before the answer"))


def _header(lowered: bytes, name: bytes) -> str | None:
    start = lowered.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    return lowered[start : lowered.index(b"\r\n", start)].strip().decode("latin-1")
