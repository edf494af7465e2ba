"""A server that refuses, stalls or hangs up as it is told, request by request, over a real socket."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PROBLEM: dict[str, Any] = {
    "type": "/problems/overloaded", "title": "The service is full", "status": 503, "detail": "Later.",
    "code": "overloaded", "retryable": True, "request_id": "r1",
}  # fmt: skip

Step = bytes | float | tuple[float, bytes] | None


def answer(status: int, body: Any, media_type: str = "application/json", **headers: str) -> bytes:
    """A whole HTTP answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} x", f"Content-Type: {media_type}", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()] + ["Connection: close", "", ""]
    return "\r\n".join(lines).encode() + content


def problem(**changes: Any) -> bytes:
    """A refusal; `retry_after` becomes a header."""
    headers = {"Retry_After": str(changes.pop("retry_after"))} if "retry_after" in changes else {}
    members: dict[str, Any] = PROBLEM | changes
    return answer(members["status"], members, "application/problem+json", **headers)


@dataclass
class Unreliable:
    """What it does with each request, in turn; the last goes on for ever.

    An answer is sent; a number is a wait in seconds after which the connection ends, with an answer that is sent then;
    None ends it at once, with half an answer. When it is over, nothing is waited for any more, and nothing is sent.
    """

    plan: list[Step]
    url: str = ""
    moments: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def requests(self) -> int:
        """How many have come."""
        return len(self.moments)

    def serve(self, listener: socket.socket) -> None:
        """Until the listener is closed."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                _read(connection)
                step = self.plan[min(self.requests, len(self.plan) - 1)]
                self.moments.append(time.monotonic())
                if isinstance(step, bytes):
                    connection.sendall(step)
                elif step is None:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
                elif isinstance(step, tuple):
                    if not self.over.wait(step[0]):
                        connection.sendall(step[1])
                else:
                    self.over.wait(step)


def _read(connection: socket.socket) -> None:
    """The whole request: who hangs up before its end takes the answer back."""
    got = b""
    while not (end := re.search(b"\r\n\r\n", got)):
        part = connection.recv(65536)
        if not part:
            return
        got += part
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", got[: end.end()])
    left = (int(length[1]) if length else 0) - (len(got) - end.end())
    while left > 0 and (part := connection.recv(65536)):
        left -= len(part)


@contextmanager
def listening(serve: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of what takes the connections of a port of this machine, in a thread, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


@contextmanager
def unreliable(*plan: Step) -> Iterator[Unreliable]:
    """Starts one."""
    server = Unreliable(list(plan))
    with listening(server.serve) as server.url:
        try:
            yield server
        finally:
            server.over.set()
