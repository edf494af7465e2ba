"""Versions that crash or hang what loads them, and a service that answers all the same; test_versions.py has more."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from model_store.labels import Labels
from model_store.store import Store
from service.problems import NotReady
from service.supervisor import LEAST_LIFE_SECONDS
from service.trial_process import Key
from service.trials_apart import TrialsNeeded
from service.unfinished import MARK
from tests.running_service import ROOT, Service, running
from tests.service.damage import copy_slowly, crash_what_loads_it
from tests.service.test_problem_responses import check_problem
from tests.service.test_routes_models import child_of
from tests.tiny_models import MELANOMA, add_classifier, picture, png

FILES = {"file": png(picture(MELANOMA))}
KEY = ("classifier", 1)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def counted(service: Service, version: int) -> str:
    """The state of a classifier in /metrics, which tries nothing by itself; empty if it was not looked at."""
    states = [line for line in service.client.get("/metrics").text.splitlines() if f'version="{version}"' in line]
    ones = [line for line in states if line.startswith("melanoserve_version_state{") and line.endswith(" 1.0")]
    return next((line.split('state="')[1].split('"')[0] for line in ones if 'model="classifier"' in line), "")


def elsewhere(store: Path, folder: Path) -> Path:
    """classifier/3 outside of the store."""
    return Path(shutil.move(add_classifier(Store(store), seed=3).path, folder / "3"))


@contextmanager
def held(service: Service) -> Iterator[None]:
    """What tries a version comes to no end meanwhile."""
    child = child_of(service.process.pid)
    os.kill(child, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(child, signal.SIGCONT)


def test_a_version_that_crashes_what_loads_it_never_takes_the_service_with_it(
    store: Path, state: Path, tmp_path: Path
) -> None:
    """Copied in such a way that it is refused at the first look, for it was not whole, and named at once."""
    version = elsewhere(store, tmp_path)
    crash_what_loads_it(version)
    with running(store, state) as service:
        copy_slowly(version, store / "classifier" / "3", lambda: until(lambda: counted(service, 3) == "refused"))
        asked = service.client.post("/classify?version=3", files=FILES)
        assert "ended by signal" in str(check_problem(asked, 503, "version_refused")["detail"])
        moved = service.client.put("/models/classifier/labels/stable", json={"version": 3})
        assert "ended by signal" in str(check_problem(moved, 503, "version_refused")["detail"])
        Labels(Store(store), state).move("classifier", "stable", 3)
        label = f"{service.client.base_url}/models/classifier"
        until(lambda: "ended by signal" in str(service.client.get(label).json()["labels"]["stable"]["trouble"]))
        assert service.client.post("/classify", files=FILES).json()["model"]["version"] == 1
        assert service.client.get("/readyz").status_code == 200


def test_a_label_that_names_a_version_at_once_has_it_tried_apart_too(store: Path, state: Path, tmp_path: Path) -> None:
    version = elsewhere(store, tmp_path)
    crash_what_loads_it(version)
    with running(store, state) as service:
        shutil.copytree(version, store / "classifier" / "3")
        Labels(Store(store), state).move("classifier", "canary", 3, share=1.0)
        until(lambda: counted(service, 3) == "refused")
        assert service.client.post("/classify", files=FILES).json()["model"]["version"] == 1


def test_what_ends_a_start_does_not_end_the_next(store: Path, state: Path, tmp_path: Path) -> None:
    """A label of a version that crashes what loads it was moved while no service ran."""
    version = elsewhere(store, tmp_path)
    crash_what_loads_it(version)
    shutil.copytree(version, store / "classifier" / "3")
    Labels(Store(store), state).move("classifier", "canary", 3, share=1.0)
    values = {"MELANOSERVE_PORT": "0", "MELANOSERVE_STORE": str(store), "MELANOSERVE_STATE": str(state)}
    first = subprocess.run(
        [sys.executable, "-m", "service"], cwd=ROOT, env=os.environ | values, timeout=300, check=False
    )
    assert first.returncode < 0
    with running(store, state, ready=False) as service:
        until(lambda: ready(service))
        assert service.client.post("/classify?label=canary", files=FILES).status_code == 503
        labels = f"{service.client.base_url}/models/classifier"
        until(lambda: "ended by signal" in str(service.client.get(labels).json()["labels"]["canary"]["trouble"]))
        assert service.client.post("/classify", files=FILES).json()["model"]["version"] == 1
        assert '"event":"start_unfinished"' in service.log
    assert (state / MARK).exists(), "the next start is as careful"
    Labels(Store(store), state).move("classifier", "canary", 2)
    for left in (True, False):
        with running(store, state, ready=False) as service:
            until(lambda: ready(service) and not (state / MARK).exists())
            assert ('"event":"start_unfinished"' in service.log) == left


def test_of_several_processes_each_dies_once_of_what_a_label_names(store: Path, state: Path, tmp_path: Path) -> None:
    version = elsewhere(store, tmp_path)
    crash_what_loads_it(version)
    shutil.copytree(version, store / "classifier" / "3")
    Labels(Store(store), state).move("classifier", "canary", 3, share=1.0)
    with running(store, state, ready=False, PROCESSES="2") as service:
        died = '"event":"process_died"'
        until(lambda: service.log.count(died) == 2)
        until(lambda: ready(service))
        time.sleep(LEAST_LIFE_SECONDS + 1)
        assert service.log.count(died) == 2
        assert service.client.post("/classify", files=FILES).json()["model"]["version"] == 1


def ready(service: Service) -> bool:
    with suppress(httpx.TransportError):
        return service.client.get("/readyz").status_code == 200
    return False


def test_what_came_slowly_is_told_of_before_anybody_asks(store: Path, state: Path, tmp_path: Path) -> None:
    version = elsewhere(store, tmp_path)
    with running(store, state) as service:
        copy_slowly(version, store / "classifier" / "3", lambda: until(lambda: counted(service, 3) == "refused"))
        until(lambda: counted(service, 3) == "available")
        assert service.client.post("/classify?version=3", files=FILES).status_code == 200


def test_a_trial_that_comes_to_no_end_holds_nothing_up(store: Path, state: Path) -> None:
    with running(store, state) as service, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: service.client.post("/classify?version=2", files=FILES))
        with held(service):
            Labels(Store(store), state).move("classifier", "stable", 2)
            label = f"{service.client.base_url}/models/classifier"
            until(lambda: bool(service.client.get(label).json()["labels"]["stable"]["trouble"]))
            answer = service.client.post("/classify", files=FILES)
            assert (answer.status_code, answer.json()["model"]["version"]) == (200, 1)
            assert service.client.get("/readyz").status_code == 200
            check_problem(service.client.post("/classify?version=9", files=FILES), 404, "unknown_version")
            stable = service.client.get(label).json()["labels"]["stable"]
            assert (stable["serving"], stable["trouble"]) == (1, "Version 2 of classifier is being tried.")
        answer = asked.result(60)
        assert answer.status_code == 503 or answer.json()["model"]["version"] == 2  # 503 if that took very long
        until(lambda: service.client.post("/classify", files=FILES).json()["model"]["version"] == 2)


class Tries:
    """Ends as it is told to."""

    def __init__(self) -> None:
        self.raises: Exception | None = None
        self.ends = threading.Event()
        self.ends.set()
        self.tried: list[Key] = []

    def __call__(self, key: Key) -> None:
        assert self.ends.wait(60)
        self.tried.append(key)
        if self.raises is not None:
            raise self.raises


@pytest.fixture
def tries() -> Tries:
    return Tries()


def test_who_waits_hears_what_went_wrong(tries: Tries, caplog: pytest.LogCaptureFixture) -> None:
    needed = TrialsNeeded(tries)
    needed.wait(KEY, 60)
    tries.raises = ZeroDivisionError("CANARY")
    with pytest.raises(ZeroDivisionError):
        needed.wait(KEY, 60)
    assert not needed.under_way(KEY)
    assert "trials_failed" in caplog.text


def test_a_trial_goes_on_when_nobody_waits_any_more(tries: Tries) -> None:
    needed = TrialsNeeded(tries)
    tries.ends.clear()
    with pytest.raises(NotReady):
        needed.wait(KEY, 0.0)
    assert needed.under_way(KEY)
    tries.ends.set()
    needed.wait(KEY, 60)
    assert tries.tried == [KEY]
    assert not needed.under_way(KEY)
