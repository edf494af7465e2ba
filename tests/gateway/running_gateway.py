"""The real gateway for tests: its own process, which can be killed and started again on the same folder.

with gateway(state, SERVICE_URL=..., PACS_URL=...) as started:
    started.kill()
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateway.orthanc import PASSWORD, USER, Pacs
from tests.running_service import ROOT

WITHIN = 120.0


@dataclass
class Gateway:
    """A running gateway."""

    process: subprocess.Popen[bytes]
    log_file: Path
    state: Path

    @property
    def log(self) -> str:
        """Everything that it, and those before it on this folder, have written."""
        return self.log_file.read_text("utf-8", "replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of one name so far."""
        whole = self.log.rpartition("\n")[0]  # of a line that is just being written there may be a part
        return [event for event in map(json.loads, whole.splitlines()) if event["event"] == name]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.events("listening")[-1]["port"])

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        return dict(json.loads(command("status", "--json", "--state", str(self.state)).stdout))

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Sends SIGTERM and returns the exit status."""
        self.process.terminate()
        return self.process.wait(WITHIN)


@contextmanager
def gateway(state: Path, pacs: Pacs | None = None, **settings: object) -> Iterator[Gateway]:
    """Starts `python -m gateway run`, at a free port by default; the log is beside the folder `state`.

    Args:
        state: Its folder.
        pacs: Where it delivers by STOW-RS.
        settings: As `POLL_SECONDS=1`, without the prefix.
    """
    values: dict[str, object] = {"STATE": state, "PORT": 0, "LONGEST_WAIT": 2}
    if pacs is not None:
        values |= {"PACS_URL": pacs.web, "PACS_USER": USER, "PACS_PASSWORD": PASSWORD}
    environment = os.environ | {f"MELANOGATEWAY_{name}": str(value) for name, value in (values | settings).items()}
    log_file = state.with_name(f"{state.name}.log")
    started = log_file.read_text().count('"listening"') if log_file.exists() else 0
    with log_file.open("ab") as log:
        arguments = [sys.executable, "-m", "gateway", "run"]
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=log, stderr=log)
    running = Gateway(process, log_file, state)
    try:
        wait_for(lambda: len(running.events("listening")) > started or process.poll() is not None)
        assert process.poll() is None, running.log
        yield running
    finally:
        running.kill()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs another command of the gateway."""
    program = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN, check=False)


def wait_for(true: Callable[[], bool], seconds: float = WITHIN) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)
