"""A reader who does what the documents say: a folder like a fresh clone, `make serve` in it, and a shell.

`make serve` itself is done once, on a free port; where a document says it, what it wrote meanwhile is shown.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.running_service import ROOT, STARTS_WITHIN, WITHOUT_TLS

WRITTEN = "http://127.0.0.1:8000"
"""The service's address in the documents."""

REFUSED = 22
"""curl's exit status for it."""

LEFT_OUT = (".venv", ".git", "state", "runs")

_SHIM = """#!/bin/sh
export PYTHONPATH={folder} PYTHONDONTWRITEBYTECODE=1
exec {python} {arguments} "$@"
"""


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    command: str
    status: int
    printed: str


@dataclass(frozen=True)
class Reader:
    """Stands in the folder; the service that they started listens at `url`."""

    folder: Path
    url: str

    def follow(self, commands: Sequence[str]) -> list[Ran]:
        """Gives commands to one shell, one after the other.

        Returns:
            Each with its exit status and what it wrote to standard output; REFUSED where the service answered an error.
        """
        given = (
            re.sub(r"^make serve\b", "cat serve.log #", command).replace(WRITTEN, self.url) for command in commands
        )
        # Without it, curl calls an answer with an error a success.
        script = 'curl() { command curl --fail-with-body "$@"; }\n' + "".join(
            f"{command}\nprintf '\\036%s\\036' $?\n" for command in given
        )
        (self.folder / "commands.sh").write_text(script)
        done = subprocess.run(
            ["bash", "-u", "commands.sh"], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=600, check=False,
        )  # fmt: skip
        parts = done.stdout.replace(self.url, WRITTEN).split("\036")
        assert len(parts) == 2 * len(commands) + 1, done.stderr
        ran = [Ran(*one) for one in zip(commands, map(int, parts[1::2]), parts[::2], strict=False)]
        failed = [one for one in ran if one.status not in (0, REFUSED)]
        assert not failed, f"{failed}\n{done.stderr}"
        return ran


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    """A reader who has done `make serve`, in a folder that holds what a clone holds and an installed .venv."""
    _clone(folder)
    port = _free_port()
    with (folder / "serve.log").open("wb") as log:
        command = ["make", "serve", f"PORT={port}"]
        make = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    reader = Reader(folder, f"http://127.0.0.1:{port}")
    try:
        _wait(reader, make)
        yield reader
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGINT)
            make.wait(120)


def _clone(folder: Path) -> None:
    for entry in ROOT.iterdir():
        if entry.name not in LEFT_OUT:
            (folder / entry.name).symlink_to(entry)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    melanoserve = '-c "import sys; from service.cli import main; sys.exit(main())"'
    for name, arguments in {"python": "", "melanoserve": melanoserve}.items():
        (programs / name).write_text(_SHIM.format(folder=folder, python=sys.executable, arguments=arguments))
        (programs / name).chmod(0o755)
    for stamp in re.findall(r"^(\.venv/\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE):
        (folder / stamp).touch()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(reader: Reader, make: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and make.poll() is None:
        try:
            if httpx.get(f"{reader.url}/readyz", verify=WITHOUT_TLS).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"it does not get ready: {(reader.folder / 'serve.log').read_text()}")
