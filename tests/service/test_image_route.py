"""Limits, deadlines and clients that leave, in a running service."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.raw_http import connect, received
from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import BENIGN, GREY, MELANOMA, OTHER_MALIGNANT, picture, png

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def narrow(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """It takes two requests at once."""
    state = tmp_path_factory.mktemp("state")
    with running(pristine_store, state, MAX_REQUESTS="2", RECEIVE_SECONDS="30") as service:
        yield service


def hold(service: Service) -> socket.socket:
    """Takes a place: a request whose body never comes."""
    url = service.client.base_url
    connection = socket.create_connection((url.host, url.port or 0), timeout=60)
    connection.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\n")
    return connection


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def until_under_way(service: Service, requests: int = 1) -> None:
    """Waits until the service has begun to take so many bodies."""
    until(lambda: f"\nmelanoserve_in_flight_requests {requests}.0\n" in service.client.get("/metrics").text)


def test_a_full_service_refuses_at_once_and_answers_probes(narrow: Service) -> None:
    def status() -> int:
        return narrow.client.post("/classify", content=png(picture(MELANOMA)), headers=PNG).status_code

    holders = [hold(narrow), hold(narrow)]
    until(lambda: status() == 503)
    answer = narrow.client.post("/grade", content=b"x" * 1_000_000, headers=PNG)
    problem = check_problem(answer, 503, "overloaded")
    assert problem["retryable"] is True
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["connection"] == "close"
    for path in ("/livez", "/readyz", "/metrics", "/models"):
        assert narrow.client.get(path).status_code == 200
    for holder in holders:
        holder.close()
    until(lambda: status() == 200)


@pytest.mark.parametrize("path", ["/classify", "/grade", "/classify/batch", "/grade/batch"])
def test_what_cannot_be_asked_is_said_before_the_image_is_sent(narrow: Service, path: str) -> None:
    kind = "multipart/form-data; boundary=B" if path.endswith("batch") else "image/png"
    head = (
        f"POST {path}?operating_point=none HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 100\r\n\r\n"
    )
    with connect(narrow) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n".encode())
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "unknown_operating_point"' in answer


def test_who_leaves_while_sending_gives_the_place_back(narrow: Service) -> None:
    for _ in range(5):
        for holder in [hold(narrow), hold(narrow)]:
            holder.close()
    until(lambda: narrow.client.post("/classify", content=png(picture(MELANOMA)), headers=PNG).status_code == 200)


def test_a_deadline_that_has_passed_is_a_504(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, DEADLINE_SECONDS="0.0001") as service:
        answer = service.client.post("/classify", content=png(picture(MELANOMA)), headers=PNG)
        problem = check_problem(answer, 504, "deadline_exceeded")
        assert problem["retryable"] is True
        assert service.client.get("/livez").status_code == 200


def test_answers_under_load_are_those_alone_whatever_else_is_sent(service: Service) -> None:
    """Clients that hang up and damaged files between them: nothing of one request shows in another's answer."""
    colours = (MELANOMA, OTHER_MALIGNANT, BENIGN, GREY)
    files = [png(picture(colours[seed % 4], seed)) for seed in range(60)]
    parts = ("decision", "probability", "classes", "image")

    def ask(data: bytes) -> Any:
        answer = httpx.post(
            f"{service.client.base_url}/classify", content=data, headers=PNG, timeout=60, verify=WITHOUT_TLS
        )
        assert answer.status_code == 200, answer.text
        return {part: answer.json()[part] for part in parts}

    def hang_up(data: bytes) -> None:
        url = service.client.base_url
        head = f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(data)}\r\n\r\n"
        with socket.create_connection((url.host, url.port or 0), timeout=60) as connection:
            connection.sendall(head.encode() + data)

    def send_damaged(data: bytes) -> None:
        answer = httpx.post(
            f"{service.client.base_url}/classify", content=data[:-30], headers=PNG, timeout=60, verify=WITHOUT_TLS
        )
        assert answer.status_code == 422

    alone = [ask(data) for data in files]
    assert len({found["probability"] for found in alone}) == 60
    stop = threading.Event()

    def disturb(do: Any) -> int:
        count = 0
        while not stop.is_set():
            do(files[count % 60])
            count += 1
            time.sleep(0.02)  # or it keeps the service so busy that the others hardly get a turn
        return count

    with ThreadPoolExecutor(18) as pool:
        disturbers = [pool.submit(disturb, do) for do in (hang_up, send_damaged)]
        together = list(pool.map(ask, files))
        stop.set()
        assert min(disturber.result() for disturber in disturbers) >= 3
    assert together == alone
    assert not service.events("unhandled")
    until(lambda: any(line["code"] == "client_left" for line in service.events("request")))
