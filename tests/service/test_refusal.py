"""What a full service says without asking any route: a whole problem, and nothing for what is no image."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter

from service.app import create_app
from service.refusal import Gate
from service.settings import Settings
from tests.running_service import Service, running
from tests.service.test_image_route import hold, until
from tests.service.test_problem_responses import check_problem
from tests.service.test_routes_metrics import sample

DATE = [(b"date", b"today")]


@pytest.fixture(scope="module")
def full(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    state, patience = tmp_path_factory.mktemp("state"), "600"
    with (
        running(
            pristine_store, state, MAX_REQUESTS="1", RECEIVE_SECONDS=patience, DEADLINE_SECONDS=patience
        ) as service,
        hold(service),
    ):
        until(lambda: service.client.post("/classify", content=b"x").status_code == 503)
        yield service


def test_it_is_a_problem_that_is_logged_and_counted(full: Service) -> None:
    headers = {"X-Request-Id": "mine", "Content-Type": "image/png"}
    answer = full.client.post("/grade?always=true", content=b"x" * 500_000, headers=headers)
    problem = check_problem(answer, 503, "overloaded")
    assert problem["request_id"] == answer.headers["x-request-id"] == "mine"
    assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("1", "no-store")
    line = full.request("mine")
    assert (line["path"], line["method"], line["status"], line["code"]) == ("/grade", "POST", 503, "overloaded")
    assert sample(full.client, "melanoserve_requests_total", endpoint="/grade", code="overloaded") == 1


def test_a_connection_that_has_brought_something_else_is_refused_the_same_way(full: Service) -> None:
    url = full.client.base_url
    with socket.create_connection((url.host, url.port or 0), timeout=30) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        alive = b""
        while not alive.endswith(b"}"):
            alive += connection.recv(65536)
        # All at once, the body as well: what comes after the headers is not taken for anything.
        body = b"POST /classify HTTP/1.1\r\n\r\n"
        connection.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert not full.events("unhandled")


def test_everything_else_is_answered(full: Service) -> None:
    assert full.client.get("/classify").status_code == 405
    assert full.client.post("/classify/", content=b"x").status_code == 404
    assert full.client.get("/models").status_code == 200


def test_bytes_are_counted_as_they_are_announced(pristine_store: Path, tmp_path: Path) -> None:
    context = create_app(Settings(store=pristine_store, state=tmp_path, max_request_bytes=10_000)).state.context
    router = APIRouter()
    router.add_api_route("/classify", lambda: None)
    gate = Gate(context, router.routes)
    announced = [(b"content-length", b"2000")]
    assert gate.refusal(b"/classify", announced, DATE) is None
    leave = context.admission.enter(9_000)
    head, _, body = (gate.refusal(b"/classify?explain=true", announced, DATE) or b"").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\ndate: today\r\n")
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert json.loads(body)["code"] == "overloaded"
    assert gate.refusal(b"/classify", [(b"content-length", b"900")], DATE) is None
    assert gate.refusal(b"/elsewhere", announced, DATE) is None
    leave()
    assert gate.refusal(b"/classify", announced, DATE) is None
