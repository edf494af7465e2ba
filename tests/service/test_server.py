"""How a service stops: announced, drained, nothing lost."""

import asyncio
import json
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from service import log
from service.app import create_app
from service.audit.address import Address
from service.server import Server
from service.settings import Settings
from tests.raw_http import connect, received
from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.audit.trails import rows
from tests.service.test_image_route import until, until_under_way
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))
PNG = {"Content-Type": "image/png"}


def ask_until_refused(service: Service, counted: Counter[str]) -> None:
    """New connections, one after another, until none is accepted any more; what was sent must be answered."""
    while True:
        try:
            connection = httpx.Client(base_url=service.client.base_url, timeout=60, verify=WITHOUT_TLS)
            with connection as client:
                answer = client.post("/classify", content=DATA, headers=PNG)
        except httpx.ConnectError:
            return
        except httpx.HTTPError as error:
            counted[type(error).__name__] += 1
            return
        counted[str(answer.status_code)] += 1


@pytest.mark.parametrize("drain", ["0", "0.5"])
def test_a_stop_under_load_loses_no_request(pristine_store: Path, state: Path, drain: str) -> None:
    with running(pristine_store, state, DRAIN_SECONDS=drain) as service:
        counted = Counter[str]()
        with ThreadPoolExecutor(6) as pool:
            tasks = [pool.submit(ask_until_refused, service, counted) for _ in range(6)]
            while counted["200"] < 20:
                time.sleep(0.01)
            assert service.stop() == 0
            for task in tasks:
                task.result()
        assert set(counted) == {"200"}, counted
        assert service.events("stopped")


def test_a_signal_in_the_middle_of_a_line_of_the_log_ends_it_all_the_same(
    pristine_store: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log's reader stalls, the signal comes while a line is written, and no other can be begun."""
    settings = Settings(store=pristine_store, state=state, drain_seconds=0.1)
    serving = Server(create_app(settings), settings)
    in_handler = threading.Event()

    def written(*_: object, **__: object) -> None:
        if in_handler.is_set():
            raise RuntimeError("reentrant call")

    monkeypatch.setattr(log, "event", written)

    async def told() -> None:
        serving._loop = asyncio.get_running_loop()
        in_handler.set()
        serving.handle_exit(signal.SIGTERM, None)
        in_handler.clear()
        deadline = time.monotonic() + 60
        while not serving.should_exit and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    asyncio.run(told())
    assert serving.should_exit


def test_the_end_is_announced_and_requests_are_answered_until_it_comes(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, DRAIN_SECONDS="600") as service:
        kept = service.client.get("/livez")
        assert "connection" not in kept.headers
        os.kill(service.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while service.client.get("/readyz").status_code == 200:
            assert time.monotonic() < deadline
        check_problem(service.client.get("/readyz"), 503, "not_ready")
        answer = service.client.post("/classify", content=DATA, headers=PNG)
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"  # the next request goes elsewhere
        assert service.client.get("/livez").status_code == 200
        os.kill(service.process.pid, signal.SIGTERM)  # once more: it need not wait any longer
        assert service.process.wait(60) == 0


def test_what_is_cut_off_is_told_counted_and_recorded(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, DRAIN_SECONDS="0", SHUTDOWN_SECONDS="1") as service, connect(service) as late:
        late.sendall(
            b"POST /classify HTTP/1.1\r\nHost: x\r\nX-Request-Id: late\r\nContent-Type: image/png\r\n"
            b"Content-Length: 1000\r\n\r\nabc"
        )
        until_under_way(service)
        assert service.stop() == 0
        head, _, body = received(late).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5" in head.lower()
        problem = json.loads(body)
        assert (problem["code"], problem["retryable"], problem["request_id"]) == ("stopping", True, "late")
        assert (service.request("late")["status"], service.request("late")["code"]) == (503, "stopping")
    (row,) = [row for row in rows(Address(f"sqlite:///{state / 'audit.db'}")) if row["event"] == "image"]
    assert (row["request_id"], row["status"], row["code"]) == ("late", 503, "stopping")


def test_ctrl_c_does_not_wait(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, DRAIN_SECONDS="600") as service:
        os.kill(service.process.pid, signal.SIGINT)
        assert service.process.wait(120) == 0
        assert service.events("stopped")


def test_a_second_signal_ends_the_waiting(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, DRAIN_SECONDS="600") as service:
        os.kill(service.process.pid, signal.SIGTERM)
        until(lambda: bool(service.events("stopping")))  # or two of a kind, of which none was heard, would be one
        os.kill(service.process.pid, signal.SIGTERM)
        assert service.process.wait(120) == 0


def test_a_request_whose_body_is_still_arriving_is_finished(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, DRAIN_SECONDS="0") as service:
        begun = threading.Event()

        def slowly() -> object:
            begun.set()
            for part in range(0, len(DATA), len(DATA) // 5 + 1):
                yield DATA[part : part + len(DATA) // 5 + 1]
                time.sleep(0.2)

        with ThreadPoolExecutor(1) as pool:
            url = f"{service.client.base_url}/classify"
            task = pool.submit(httpx.post, url, content=slowly(), headers=PNG, timeout=60, verify=WITHOUT_TLS)  # type: ignore[arg-type]
            assert begun.wait(60)
            until_under_way(service)
            assert service.stop() == 0
            assert task.result().status_code == 200
