"""A serving process on its own terms: what it is handed, and what it does when nobody watches it any more."""

import os
import signal
import time
from pathlib import Path

from service.settings import Settings
from service.worker import Launch
from tests.running_service import Service, running
from tests.service.test_supervisor import has_ended, processes, two

__all__ = ["two"]


def test_what_is_handed_over_arrives_as_it_was(tmp_path: Path) -> None:
    settings = Settings(store=tmp_path, state=tmp_path, processes=2, max_requests=7, deadline_seconds=1.5)
    launch = Launch(supervisor=7, listener=3, metrics_folder=tmp_path, keys_required=True, settings=settings)
    assert Launch.model_validate_json(launch.model_dump_json()) == launch


def test_what_is_handed_over_is_nothing_that_others_on_the_machine_can_read(pristine_store: Path, state: Path) -> None:
    jwks = "https://clinic:HIDDEN@login.clinic.test/jwks"
    with running(
        pristine_store, state, PROCESSES="2", OIDC_ISSUER="https://x.test", OIDC_AUDIENCE="x", OIDC_JWKS=jwks
    ) as service:
        assert len(processes(service)) == 2
        for pid in processes(service):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert b"service.worker" in command
            assert b"HIDDEN" not in command


def test_without_its_supervisor_a_process_ends(two: Service) -> None:
    orphans = processes(two)
    two.process.kill()
    two.process.wait()
    deadline = time.monotonic() + 60
    while not all(has_ended(pid) for pid in orphans):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_that_is_still_being_started_then_ends_too(two: Service) -> None:
    os.kill(processes(two)[0], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while len(two.events("process_started")) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    test_without_its_supervisor_a_process_ends(two)
