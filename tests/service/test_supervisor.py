"""Several processes on one port: real ones, killed for real."""

import errno
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from service.key_file import KeyFile
from service.settings import Settings
from service.stopping import Stop
from service.supervisor import Supervisor
from tests.running_service import WITHOUT_TLS, Service, running
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))
PNG = {"Content-Type": "image/png"}


@pytest.fixture
def two(pristine_store: Path, state: Path) -> Iterator[Service]:
    with running(pristine_store, state, PROCESSES="2", DRAIN_SECONDS="0.5", SHUTDOWN_SECONDS="5") as service:
        until_all_are_ready(service)
        yield service


def until_all_are_ready(service: Service) -> None:
    """Whichever is asked knows of all that have begun, and how the least ready one is."""
    deadline = time.monotonic() + 120
    while True:
        text = metrics(service)
        begun = {int(pid) for pid in re.findall(r'^process_start_time_seconds\{pid="([0-9]+)"\}', text, re.MULTILINE)}
        if begun == set(processes(service)) and "\nmelanoserve_ready 1.0\n" in text:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def metrics(service: Service) -> str:
    return httpx.get(f"{service.client.base_url}/metrics", timeout=60, verify=WITHOUT_TLS).text


def processes(service: Service) -> list[int]:
    started = [event["pid"] for event in service.events("process_started")]
    died = [event["pid"] for event in service.events("process_died")]
    return [pid for pid in started if pid not in died]


def has_ended(pid: int) -> bool:
    """Also if nobody has waited for it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def classify(service: Service) -> int:
    return httpx.post(
        f"{service.client.base_url}/classify", content=DATA, headers=PNG, timeout=60, verify=WITHOUT_TLS
    ).status_code


def counted_requests(service: Service) -> float:
    found = re.findall(
        r'^melanoserve_requests_total\{[^}]*endpoint="/classify"[^}]*\} ([0-9.e+]+)$', metrics(service), re.MULTILINE
    )
    return sum(map(float, found))


def test_both_answer_and_either_knows_what_both_counted_and_their_levels(two: Service) -> None:
    assert len(processes(two)) == 2
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: classify(two), range(40))) == [200] * 40
    deadline = time.monotonic() + 60
    while {counted_requests(two) for _ in range(6)} != {40.0}:  # a request is counted after its answer is sent
        assert time.monotonic() < deadline
    assert len([line for line in two.events("request") if line["path"] == "/classify"]) == 40

    def levels() -> set[str]:
        found = re.findall(r"^melanoserve_(ready|limit_requests) ([0-9.]+)$", metrics(two), re.MULTILINE)
        return {f"{name} {value}" for name, value in found}

    deadline = time.monotonic() + 60
    while levels() != {"ready 1.0", "limit_requests 256.0"}:
        assert time.monotonic() < deadline, levels()
        time.sleep(0.2)


def test_one_that_is_killed_is_replaced_and_the_other_answers_meanwhile(two: Service) -> None:
    victim = processes(two)[0]
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not has_ended(victim):  # then it is off the port
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert Counter(classify(two) for _ in range(20)) == {200: 20}
    deadline = time.monotonic() + 120
    while victim in processes(two) or len(processes(two)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    until_all_are_ready(two)
    assert [event["pid"] for event in two.events("process_died")] == [victim]
    assert two.stop() == 0


def test_one_that_cannot_be_replaced_now_ends_nothing_and_is_later(
    pristine_store: Path, state: Path, tmp_path: Path, stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings(store=pristine_store, state=state, processes=2)
        supervisor = Supervisor(settings, listener, stop, keys_required=False)
        supervisor._missing, started = 1, list[object]()

        def no_room(*_: object, **__: object) -> None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

        monkeypatch.setattr(subprocess, "Popen", no_room)
        supervisor._replace_the_dead(tmp_path)
        monkeypatch.setattr(supervisor, "_start", started.append)
        supervisor._replace_the_dead(tmp_path)
        assert started == []
        supervisor._start_at = 0.0
        for _ in range(2):
            supervisor._replace_the_dead(tmp_path)
        assert started == [tmp_path]


def test_one_that_is_replaced_does_not_open_what_a_key_had_closed(pristine_store: Path, state: Path) -> None:
    file = KeyFile(state / "keys.json")
    with running(pristine_store, state, PROCESSES="2", SHUTDOWN_SECONDS="5") as service:
        until_all_are_ready(service)
        assert classify(service) == 200
        issued = file.add("a", ["infer"])
        # Nobody is asked meanwhile: the supervisor and both processes notice by themselves that there is a key.
        deadline = time.monotonic() + 60
        while len(service.events("keys_read")) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        file.revoke(issued.id)
        before = set(processes(service))
        for victim in before:
            os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + 120
        while before & set(processes(service)) or len(processes(service)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        until_all_are_ready(service)
        assert {classify(service) for _ in range(20)} == {401}


def test_that_they_keep_dying_is_an_error_and_one_that_dies_is_none(two: Service) -> None:
    killed = set[int]()
    deadline = time.monotonic() + 90
    while not (told := two.events("processes_keep_dying")):
        assert time.monotonic() < deadline
        for pid in set(processes(two)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.1)
    assert [event["level"] for event in two.events("process_died")] == ["warning"] * 6
    assert [(event["level"], event["died"], event["status"]) for event in told] == [("error", 6, -9)]
    assert 5 <= told[0]["seconds"] < 90


def test_a_stop_under_load_loses_no_request(two: Service) -> None:
    answered = Counter[str]()

    def ask() -> None:
        while True:
            try:
                answered[str(classify(two))] += 1
            except httpx.ConnectError:
                return
            except httpx.HTTPError as error:
                answered[type(error).__name__] += 1
                return

    with ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(ask) for _ in range(4)]
        while answered["200"] < 10:
            time.sleep(0.01)
        assert two.stop() == 0
        for task in tasks:
            task.result()
    assert set(answered) == {"200"}, answered


def test_a_stop_that_comes_while_its_processes_start_ends_them_too(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, ready=False, PROCESSES="2", DRAIN_SECONDS="0", SHUTDOWN_SECONDS="5") as service:
        until_all_are_ready(service)
        os.kill(processes(service)[0], signal.SIGKILL)
        deadline = time.monotonic() + 60
        while len(service.events("process_started")) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert service.stop() == 0


def test_a_second_signal_ends_the_waiting(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state, PROCESSES="2", DRAIN_SECONDS="600") as service:
        os.kill(service.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while len(service.events("stopping")) < 2:  # each has heard it
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(service.process.pid, signal.SIGTERM)
        assert service.process.wait(120) == 0
