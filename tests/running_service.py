"""The real service for tests: its own process, a real socket, a log that can be read.

with running(store, state) as service:
    service.client.post("/classify", files={"file": data})
"""

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
STARTS_WITHIN = 120.0
"""Seconds; a few are enough where nothing else runs."""
LOGS_WITHIN = 60.0
WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For a client's `verify`: by default each reads all certificates, 50 ms of a processor, and here nothing is https."""


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    log_file: Path
    client: httpx.Client

    @property
    def log(self) -> str:
        """Everything that it has written so far, to stdout and stderr."""
        return self.log_file.read_text("utf-8", "replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of one name that it has logged so far."""
        whole = self.log.rpartition("\n")[0]  # of a line that is just being written there may be a part
        return [event for event in map(json.loads, whole.splitlines()) if event["event"] == name]

    def request(self, request_id: str) -> dict[str, Any]:
        """The line of a request, which is written after its answer."""
        deadline = time.monotonic() + LOGS_WITHIN
        while time.monotonic() < deadline:
            for event in self.events("request"):
                if event["request_id"] == request_id:
                    return event
            time.sleep(0.02)
        raise AssertionError(f"no request {request_id} was logged")

    def memory(self) -> int:
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))

    def stop(self) -> int:
        """Sends SIGTERM and returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def running(
    store: Path, state: Path, *, ready: bool = True, variables: Mapping[str, str] | None = None, **settings: str
) -> Iterator[Service]:
    """Starts `python -m service` on a free port.

    Args:
        store: Directory of the versions.
        state: Directory of the labels.
        ready: Whether to wait until it is ready; otherwise until it has tried to load its models.
        variables: Further environment variables.
        settings: As `MAX_BYTES="1000"`, without the prefix.
    """
    values = {"PORT": "0", "STORE": str(store), "STATE": str(state), "DRAIN_SECONDS": "0", **settings}
    environment = os.environ | {f"MELANOSERVE_{name}": value for name, value in values.items()} | dict(variables or {})
    with tempfile.TemporaryDirectory() as folder:
        log_file = Path(folder) / "log"
        with log_file.open("wb") as log:
            command = [sys.executable, "-W", "error", "-m", "service"]
            # Linux shares out processors among sessions first (autogroup, sched(7)): in the session of the tests, what
            # gives way to everything else would hardly get a turn while they run.
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            with httpx.Client(base_url=_address(process, log_file), timeout=60, verify=WITHOUT_TLS) as client:
                service = Service(process, log_file, client)
                _wait(service, ready)
                yield service
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log_file: Path) -> str:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        for line in log_file.read_text("utf-8").rpartition("\n")[0].splitlines():
            if '"event":"listening"' in line:
                event = json.loads(line)
                return f"http://{event['host']}:{event['port']}"
        time.sleep(0.02)
    raise AssertionError(f"the service does not listen: {log_file.read_text('utf-8')}")


def _wait(service: Service, ready: bool) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        try:
            answer = service.client.get("/readyz")
        except httpx.TransportError:
            if ready:
                raise
            continue  # the process that had taken the connection has crashed, and is replaced
        loading = answer.status_code == 503 and (
            any(m["state"] == "loading" for m in answer.json()["models"]) or "being opened" in answer.json()["detail"]
        )
        if answer.status_code == 200 or (not ready and not loading):
            return
        if not loading:
            raise AssertionError(f"the service does not get ready: {answer.text}")
        time.sleep(0.02)
    raise AssertionError("the service takes too long to load its models")
