"""The port, over real sockets."""

import socket
import time

import pytest

from service.listener import listen, refuse_new


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_port_of_any_family_is_opened(host: str) -> None:
    try:
        listener = listen(host, 0)
    except OSError:
        if host == "::1":
            pytest.skip("this machine has no IPv6")
        raise
    with listener, socket.create_connection(listener.getsockname()[:2]), listener.accept()[0] as accepted:
        assert accepted.family == listener.family


def test_a_port_that_is_taken_is_an_error() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", first.getsockname()[1])


def test_who_has_connected_is_still_served_and_who_has_not_is_refused() -> None:
    listener = listen("127.0.0.1", 0)
    address = listener.getsockname()
    with socket.create_connection(address) as early:
        early.sendall(b"asked")
        refuse_new(listener)
        late = socket.socket()
        late.setblocking(False)
        late.connect_ex(address)
        served, _ = listener.accept()
        with served:
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()
            listener.close()
            assert served.recv(10) == b"asked"
            served.sendall(b"answered")
        assert early.recv(10) == b"answered"
    deadline = time.monotonic() + 60
    with late:
        while (error := late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert error == 111  # ECONNREFUSED: nobody has read its request
