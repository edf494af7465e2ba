"""A socket that stands where a proxy should, and notes what is sent to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def recording_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What the proxy of the environment got; it answers nothing but an error."""
    got: list[bytes] = []
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelled in (name, name.lower()):
            monkeypatch.delenv(spelled, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_record, args=(listener, got), daemon=True)
        thread.start()
        try:
            yield got
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _record(listener: socket.socket, got: list[bytes]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            got.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 502 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
