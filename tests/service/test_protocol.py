"""Slow clients, and clients that are answered before they have sent everything; over real sockets."""

import gc
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service import server
from service.app import create_app
from service.protocol import Protocol
from service.settings import Settings
from tests.raw_http import connect, received
from tests.running_service import Service, running
from tests.tiny_models import MELANOMA, picture, png

HEADERS = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"


@pytest.fixture(scope="module")
def impatient(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(pristine_store, tmp_path_factory.mktemp("state"), RECEIVE_SECONDS="1", MAX_BYTES="100000") as service:
        yield service


@pytest.mark.parametrize("sent", [b"", b"POST /cl", HEADERS], ids=["nothing", "half a line", "half the headers"])
def test_headers_that_do_not_arrive_in_time_end_the_connection(impatient: Service, sent: bytes) -> None:
    begun = time.monotonic()
    with connect(impatient) as connection:
        connection.sendall(sent)
        assert received(connection) == b""
        assert time.monotonic() - begun > 0.5


def test_headers_that_stall_behind_a_request_do_not_take_its_answer_away(pristine_store: Path, tmp_path: Path) -> None:
    image = png(picture(MELANOMA))
    with running(pristine_store, tmp_path, RECEIVE_SECONDS="1") as service, connect(service) as connection:
        with closing(sqlite3.connect(tmp_path / "audit.db", isolation_level=None)) as trail:
            trail.execute("BEGIN IMMEDIATE")  # until it ends, the answer waits for its row
            connection.sendall(HEADERS + b"Content-Length: %d\r\n\r\n" % len(image) + image)
            connection.sendall(b"GET /livez HTTP/1.1\r\nHo")
            time.sleep(1.5)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"}")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_that_does_not_arrive_in_time_is_a_408_that_may_be_sent_again(impatient: Service) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEADERS + b"Content-Length: 1000\r\n\r\nslow")
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "body_too_slow"' in answer
    assert b'"retryable": true' in answer
    assert b"connection: close" in answer


def test_a_connection_that_is_used_outlives_the_time_for_headers(impatient: Service) -> None:
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(impatient) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
            time.sleep(0.6)


@pytest.mark.parametrize(
    ("request_", "behind"),
    [(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"),
     (b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", b"a")],
    ids=["an empty line", "a part of a body"],
)  # fmt: skip
def test_what_is_no_request_does_not_keep_a_connection(
    pristine_store: Path, tmp_path: Path, request_: bytes, behind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE_SECONDS", 1)
    with served(pristine_store, tmp_path) as connection:
        connection.sendall(request_)
        one_answer(connection)
        connection.sendall(behind)
        assert connection.recv(1) == b""


def test_a_request_whose_head_began_before_the_last_answer_ended_has_its_own_time(
    pristine_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time in which a next request must come begins with an answer, and ends with that request."""
    monkeypatch.setattr(server, "KEEP_ALIVE_SECONDS", 3)
    image = png(picture(MELANOMA))
    sent = HEADERS + b"Content-Length: %d\r\n\r\n" % len(image) + image
    with served(pristine_store, tmp_path) as connection:
        until(lambda: is_ready(connection.getpeername()))
        with held(tmp_path):
            connection.sendall(sent + sent[:10])
            time.sleep(0.3)
        one_answer(connection)
        with held(tmp_path):
            connection.sendall(sent[10:])
            time.sleep(3.5)
        one_answer(connection)


ANSWERS = {"answered": b"HTTP/1.1 200 ", "reset": b"HTTP/1.1 200 ", "refused while sending": b"HTTP/1.1 413 "}


@pytest.fixture(scope="module")
def here(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Where a service in this process listens."""
    gc.disable()
    with served(pristine_store, tmp_path_factory.mktemp("state")) as connection:
        until(gc.isenabled)  # the collector is at work from the end of the start on
        address = connection.getpeername()
        until(lambda: is_ready(address))
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received(connection)  # it is gone before others are counted
        yield address


@pytest.mark.parametrize("left", [*ANSWERS, "said nothing"])
def test_a_connection_that_is_gone_is_forgotten_at_once(here: tuple[str, int], left: str) -> None:
    """Without the garbage collector, which stops everything for as long as it looks at what hundreds of them left."""
    image = png(picture(MELANOMA))
    sent = {
        "answered": HEADERS + b"Content-Length: %d\r\n\r\n" % len(image) + image,
        "reset": HEADERS + b"Content-Length: %d\r\n\r\n" % len(image) + image,
        "refused while sending": HEADERS + b"Content-Length: 99000000\r\n\r\n" + bytes(100_000),
        "said nothing": b"",
    }[left]
    gc.collect()
    gc.disable()
    try:
        before = len(connections())
        for _ in range(3):
            with socket.create_connection(here, timeout=60) as another:
                another.sendall(sent)
                assert not sent or another.recv(65536).startswith(ANSWERS[left])
                if left == "reset":
                    another.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: len(connections()) <= before)
    finally:
        gc.enable()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def connections() -> list[Protocol]:
    """Those that are still in memory."""
    return [thing for thing in gc.get_objects() if isinstance(thing, Protocol)]


@contextmanager
def served(store: Path, state: Path) -> Iterator[socket.socket]:
    """A connection to a service in this process."""
    settings = Settings(store=store, state=state)
    serving = server.Server(create_app(settings), settings)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with socket.create_connection(listener.getsockname(), timeout=60) as connection:
            yield connection
    finally:
        serving.should_exit = True
        thread.join()


@contextmanager
def held(state: Path) -> Iterator[None]:
    """No answer about an image begins: somebody else is writing to the trail."""
    with closing(sqlite3.connect(state / "audit.db", isolation_level=None)) as trail:
        trail.execute("BEGIN IMMEDIATE")
        yield


def one_answer(connection: socket.socket) -> None:
    """Takes an answer that is a JSON document, and is 200."""
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(65536)
        assert part, answer
        answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")


def is_ready(address: tuple[str, int]) -> bool:
    """Whether the model is loaded and the trail is open; seen on a connection of its own."""
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return received(connection).startswith(b"HTTP/1.1 200 ")


def is_held(connection: socket.socket) -> bool:
    """Whether there is a process at the other end of it, on this machine: the socket has an inode as long as it has."""
    ours, theirs = (f":{address[1]:04X}" for address in (connection.getsockname(), connection.getpeername()))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return any(row[1].endswith(theirs) and row[2].endswith(ours) and row[9] != "0" for row in rows)


def test_who_does_not_take_an_answer_is_not_waited_for(impatient: Service) -> None:
    request = b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(impatient) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(request * 20)
        until(lambda: is_held(connection))
        until(lambda: not is_held(connection))
    assert [event["at"] for event in impatient.events("unhandled")] == []


def test_who_takes_an_answer_slowly_gets_all_of_it(impatient: Service) -> None:
    """More of them than the kernel keeps for it, so that the service must wait."""
    request = b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.settimeout(60)
        url = impatient.client.base_url
        connection.connect((url.host, url.port or 0))
        connection.sendall((request + b"\r\n") * 4 + request + b"Connection: close\r\n\r\n")
        taken = 0
        while part := connection.recv(65536):
            taken += len(part)
            time.sleep(0.06)
    size = len(impatient.client.get("/docs/assets/swagger-ui-bundle.js").content)
    assert 5 * size < taken < 5 * (size + 1000)


def test_who_is_refused_while_sending_still_gets_the_answer(impatient: Service) -> None:
    """Closed at once, the kernel would reset the connection, and the answer could be lost on the way."""
    body = b"x" * 5_000_000
    for _ in range(5):
        with connect(impatient) as connection:
            connection.sendall(HEADERS + b"Content-Length: %d\r\n\r\n" % len(body))
            connection.sendall(body)
            answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"code": "image_too_large"' in answer


def test_what_comes_after_the_answer_is_not_taken_for_ever(impatient: Service) -> None:
    """The body has no end: the connection has."""
    with connect(impatient) as connection:
        connection.sendall(HEADERS + b"Transfer-Encoding: chunked\r\n\r\n")
        begun, sent = time.monotonic(), 0
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            while time.monotonic() - begun < 60:
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
        assert time.monotonic() - begun < 60
    assert impatient.client.post("/classify", content=png(picture(MELANOMA))[:50]).status_code in {415, 422}


def test_a_client_that_waits_for_100_continue_is_refused_before_it_sends(impatient: Service) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEADERS + b"Expect: 100-continue\r\nContent-Length: 900000\r\n\r\n")
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
