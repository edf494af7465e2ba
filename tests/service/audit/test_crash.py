"""The service is killed under load: whatever was answered is in the trail, and the chain is intact."""

import os
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from service.audit.address import Address
from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.audit.trails import rows, verified
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))
CLIENTS = 8
ENOUGH = 60


def answered_until_killed(service: Service, pids: list[int]) -> set[str]:
    """The ids of the requests that were answered with 200 before and while the processes were killed."""
    answered: set[str] = set()
    killed = threading.Event()

    def ask(_: int) -> None:
        with httpx.Client(base_url=service.client.base_url, timeout=30, verify=WITHOUT_TLS) as client:
            while not killed.is_set():
                request_id = uuid.uuid4().hex
                try:
                    answer = client.post(
                        "/classify", content=DATA, headers={"Content-Type": "image/png", "X-Request-Id": request_id}
                    )
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    answered.add(request_id)

    with ThreadPoolExecutor(CLIENTS) as threads:
        asking = [threads.submit(ask, number) for number in range(CLIENTS)]
        deadline = time.monotonic() + 60
        while len(answered) < ENOUGH and time.monotonic() < deadline:
            time.sleep(0.01)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        killed.set()
        for one in asking:
            one.result()
    return answered


def test_every_answer_has_its_row_whenever_it_is_killed(address: Address, pristine_store: Path, state: Path) -> None:
    # In SQLite two processes write one chain, and in PostgreSQL one does.
    processes = "1" if address.file is None else "2"
    url = f"sqlite:///{address.file}" if address.file is not None else address.libpq
    with running(pristine_store, state, AUDIT_URL=url, PROCESSES=processes) as service:
        started = [event["pid"] for event in service.events("process_started")]
        answered = answered_until_killed(service, [service.process.pid, *started])
    assert len(answered) >= ENOUGH
    found = verified(address)
    assert found.intact, found.faults
    recorded = {row["request_id"] for row in rows(address) if row["status"] == 200}
    assert answered <= recorded
    # A row may be of an answer that was on its way: at most one for each client.
    assert len(recorded - answered) <= CLIENTS
