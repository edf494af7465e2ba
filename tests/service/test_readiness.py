"""/readyz and the metric `melanoserve_ready`, of real services: whoever watches one hears what the other says."""

import re
import shutil
import time
from pathlib import Path

import httpx
import pytest

from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.damage import flip_a_byte

ONE_AND_SEVERAL = pytest.mark.parametrize("processes", ["1", "2"])


def heard(service: Service) -> tuple[bool, float]:
    """What both say, each on a connection of its own: of several processes any may answer."""
    address = str(service.client.base_url)
    status = httpx.get(f"{address}/readyz", timeout=30, verify=WITHOUT_TLS).status_code
    text = httpx.get(f"{address}/metrics", timeout=30, verify=WITHOUT_TLS).text
    (found,) = re.findall(r"^melanoserve_ready ([0-9.]+)$", text, re.MULTILINE)
    return status == 200, float(found)


def until_it_is(service: Service, ready: bool) -> None:
    """Waits for it, and then looks ten more times."""
    expected = (ready, float(ready))
    deadline = time.monotonic() + 60
    while heard(service) != expected:
        assert time.monotonic() < deadline, heard(service)
        time.sleep(0.1)
    time.sleep(1.5)  # a process tells the others once a second
    assert {heard(service) for _ in range(10)} == {expected}


@ONE_AND_SEVERAL
def test_with_an_empty_store_neither_calls_it_ready(
    processes: str, pristine_store: Path, tmp_path: Path, state: Path
) -> None:
    store = tmp_path / "models"
    store.mkdir()
    with running(store, state, ready=False, PROCESSES=processes) as service:
        until_it_is(service, False)
        shutil.copytree(pristine_store, store, dirs_exist_ok=True)
        until_it_is(service, True)


@ONE_AND_SEVERAL
def test_while_what_stable_names_is_refused_neither_calls_it_ready(
    processes: str, pristine_store: Path, store: Path, state: Path
) -> None:
    flip_a_byte(store / "grader" / "1")
    with running(store, state, ready=False, PROCESSES=processes) as service:
        until_it_is(service, False)
        shutil.rmtree(store / "grader" / "1")
        shutil.copytree(pristine_store / "grader" / "1", store / "grader" / "1")
        until_it_is(service, True)
