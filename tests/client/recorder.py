"""A socket that stands where a proxy should, and notes what is sent to it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.client.unreliable import listening


@contextmanager
def recording_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What the proxy of the environment got; it answers nothing but an error."""
    got: list[bytes] = []
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelled in (name, name.lower()):
            monkeypatch.delenv(spelled, raising=False)
    with listening(partial(_record, got)) as address:
        monkeypatch.setenv("HTTP_PROXY", address)
        yield got


def _record(got: list[bytes], listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            got.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 502 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
