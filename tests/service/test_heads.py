"""Heads that are too large, what is no request, and offers of other protocols; over real sockets."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from service.heads import HEAD_BYTES, MOST_PIPELINED
from tests.raw_http import connect, received
from tests.running_service import Service, running
from tests.tiny_models import MELANOMA, picture, png

OFFER = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    b"X-Request-ID: offer\r\n"
)
LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
LAST = LIVE + b"Connection: close\r\n\r\n"


def image() -> bytes:
    return png(picture(MELANOMA))


BODY_AND_LAST_CHUNK = (
    b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"%x\r\n%b\r\n0\r\n" % (len(image()), image())
)


@pytest.fixture(scope="module")
def service(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(pristine_store, tmp_path_factory.mktemp("state"), RECEIVE_SECONDS="5") as service:
        yield service


@pytest.fixture(scope="module")
def expected(service: Service) -> float:
    return float(
        service.client.post("/classify", content=image(), headers={"Content-Type": "image/png"}).json()["probability"]
    )


def post(headers: bytes = b"") -> bytes:
    data = image()
    return (
        b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n" % len(data)
        + headers
        + b"\r\n"
        + data
    )


def exchange(service: Service, *parts: bytes) -> bytes:
    """The answers to what is sent in parts, a tenth of a second apart."""
    with connect(service) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.1)
        return received(connection)


def answers(got: bytes) -> list[tuple[int, Any]]:
    """Status and document of each answer that came over a connection."""
    found = []
    while got:
        head, _, got = got.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        found.append((int(lines[0].split()[1]), json.loads(got[:length])))
        got = got[length:]
    return found


def test_an_offer_of_http_2_is_not_taken(service: Service, expected: float) -> None:
    whole = post(OFFER)
    end = whole.index(b"\r\n\r\n") + 4
    for parts in ((whole + LAST,), (whole[:end], whole[end:] + LAST), (whole[: end - 9], whole[end - 9 :] + LAST)):
        (first, answer), (second, _) = answers(exchange(service, *parts))
        assert (first, second) == (200, 200)
        assert answer["probability"] == expected


def test_several_offers_in_a_row(service: Service, expected: float) -> None:
    got = answers(
        exchange(service, LIVE + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n" + post(OFFER) * 2 + LAST)
    )
    assert [status for status, _ in got] == [200] * 4
    assert [answer["probability"] for _, answer in got[1:3]] == [expected] * 2


def test_curl_that_offers_http_2(service: Service, tmp_path: Path, expected: float) -> None:
    if shutil.which("curl") is None:
        pytest.skip("NOT RUN: there is no curl")
    file = tmp_path / "image.png"
    file.write_bytes(image())
    url = f"{service.client.base_url}/classify"
    command = ["curl", "-sS", "--http2", "-F", f"file=@{file};type=image/png", url]
    found = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert json.loads(found.stdout)["probability"] == expected


@pytest.mark.parametrize(
    "parts",
    [
        [LIVE + b"X: " + b"a" * HEAD_BYTES + b"\r\n\r\n"],
        [LIVE + b"X-A: b\r\n" * (HEAD_BYTES // 8) + b"\r\n"],
        [b"GET /livez?" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [LIVE + b"X: ", *[b"a" * 20_000] * 4],
        [b"\r\n" * HEAD_BYTES],
        [LIVE + OFFER + b"X: " + b"a" * HEAD_BYTES + b"\r\nContent-Length: %d\r\n\r\n" % len(LAST) + LAST],
    ],
    ids=["one header", "many headers", "address", "in parts", "empty lines", "an offer"],
)
def test_heads_have_a_size(service: Service, parts: list[bytes]) -> None:
    ((status, problem),) = answers(exchange(service, *parts))
    assert (status, problem["code"], problem["retryable"]) == (431, "head_too_large", False)


def test_a_head_of_ordinary_size_is_taken(service: Service) -> None:
    assert answers(exchange(service, LIVE + b"Cookie: " + b"a" * 60_000 + b"\r\n" + LAST[len(LIVE) :]))[0][0] == 200


def test_trailers_mean_nothing(service: Service) -> None:
    sent = BODY_AND_LAST_CHUNK + b"X-Request-ID: trailer\r\n\r\n" + LAST
    assert answers(exchange(service, sent))[0][1]["request_id"] != "trailer"


@pytest.mark.parametrize("behind", [LIVE, BODY_AND_LAST_CHUNK], ids=["headers", "trailers"])
def test_fields_without_end_take_no_memory(service: Service, behind: bytes) -> None:
    before = service.memory()
    with connect(service) as connection, pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
        connection.sendall(behind)
        for _ in range(2000):
            connection.sendall(b"X-A: b\r\n" * 8192)
    assert service.memory() - before < 20_000_000


def test_requests_without_end_in_a_row_take_no_memory(service: Service) -> None:
    before, taken = service.memory(), b""
    with connect(service) as connection:
        connection.setblocking(False)
        waiting, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            waiting = waiting or (LIVE + b"\r\n") * 5000
            try:
                waiting = waiting[connection.send(waiting) :]
            except BlockingIOError:
                pass
            except OSError:
                break
            with suppress(BlockingIOError):
                part = connection.recv(65536)
                taken += part
                if not part:
                    break
    assert time.monotonic() < deadline
    assert 0 < taken.count(b"HTTP/1.1 200 ") <= MOST_PIPELINED + 1
    assert service.memory() - before < 20_000_000


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"NONSENSE / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        LIVE + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        post().replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nX-Was"),
        LAST.replace(b"Host", b"X-Host"),
        post(b"Host: other\r\n"),
        post(OFFER).replace(b"Host", b"X-Host"),
    ],
    ids=["HTTP/2", "TLS", "method", "tunnel", "two lengths", "no chunk", "no host", "two hosts", "an offer to no host"],
)
def test_what_is_no_request_is_a_problem(service: Service, sent: bytes) -> None:
    ((status, problem),) = answers(exchange(service, sent))
    assert (status, problem["code"], problem["retryable"]) == (400, "malformed_request", False)
    line = service.request(problem["request_id"])
    assert (line["code"], line["path"]) == ("malformed_request", None)
    assert 'code="malformed_request"' in service.client.get("/metrics").text
    assert service.client.get("/readyz").status_code == 200


def test_a_host_need_not_be_named_before_http_1_1(service: Service, expected: float) -> None:
    ((status, answer),) = answers(exchange(service, post().replace(b"1.1\r\nHost: x", b"1.0", 1)))
    assert (status, answer["probability"]) == (200, expected)


def test_nothing_is_taken_behind_a_request_to_nobody(service: Service, expected: float) -> None:
    got = answers(exchange(service, post() + LAST.replace(b"Host", b"X-Host") + LAST))
    assert [(status, answer.get("probability")) for status, answer in got] == [(200, expected)]


def test_nonsense_behind_a_request_does_not_take_its_answer_away(service: Service, expected: float) -> None:
    ((status, answer),) = answers(exchange(service, post() + b"NONSENSE\r\n\r\n"))
    assert (status, answer["probability"]) == (200, expected)


@pytest.mark.parametrize("requests", [1, 2])
def test_nonsense_in_the_body_of_the_next_request_does_not_either(
    service: Service, requests: int, expected: float
) -> None:
    chunked = BODY_AND_LAST_CHUNK[: BODY_AND_LAST_CHUNK.index(b"\r\n\r\n") + 4]
    got = answers(exchange(service, post() * requests + chunked + b"NO CHUNK\r\n"))
    assert [(status, answer["probability"]) for status, answer in got] == [(200, expected)] * requests
    assert not service.events("unhandled")
