"""Servers as processes of their own: started, awaited, weighed and stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import clock

READY_WITHIN_SECONDS = 180.0
_STOPS_WITHIN_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.02


class ServerFailed(Exception):
    """A server did not get ready, or did not answer as it must; says which."""


@dataclass(frozen=True)
class Memory:
    """What a server with all its processes has in memory, in MB (1,000,000 bytes).

    Attributes:
        processes: How many there are.
        largest: Most that any one of them ever had (peak resident set).
        together: What they have now, with what they share counted once (proportional set).
    """

    processes: int
    largest: float
    together: float


@dataclass(frozen=True)
class Server:
    """A server that is ready.

    Attributes:
        port: Where it listens on this machine.
        pid: Its first process.
        ready_seconds: From the start of that process until it was ready.
        key: API key for it, if it wants one.
        process: The same first process.
    """

    port: int
    pid: int
    ready_seconds: float
    key: str | None = None
    process: subprocess.Popen[bytes] | None = None

    def stop(self, seconds: float) -> int:
        """Sends SIGTERM and waits for the end; the exit status.

        Raises:
            ServerFailed: It has not ended after so many seconds, or `started` has not started it.
        """
        if self.process is None:
            raise ServerFailed("it is not ours to stop")
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ServerFailed(f"it has not ended {seconds:g} s after SIGTERM") from error

    def memory(self) -> Memory:
        """What it weighs now."""
        pids = _tree(self.pid)
        peaks = [_kilobytes(f"/proc/{pid}/status", "VmHWM:") for pid in pids]
        shares = [_kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in pids]
        return Memory(len(pids), max(peaks) * 1024 / 1e6, sum(shares) * 1024 / 1e6)


@dataclass(frozen=True)
class Program:
    """How a server is started.

    Attributes:
        command: `{port}` in it is replaced by a free port.
        folder: Where.
        log: Where its output goes.
        environment: Variables beside those of this process.
    """

    command: Sequence[str]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def started(program: Program, ready: bytes, *, key: str | None = None) -> Iterator[Server]:
    """Starts a server, waits until it is ready, and stops it at the end.

    Args:
        program: What to start.
        ready: A request that it answers with 200 as soon as it is ready.
        key: API key for it.

    Raises:
        ServerFailed: It cannot be started, ended, or did not get ready in time.
    """
    port, begun = _free_port(), clock()
    process = _start(program, port)
    try:
        _await_ready(process, port, ready, begun, program.log)
        yield Server(port, process.pid, clock() - begun, key, process)
    finally:
        _stop(process)


def status_of(port: int, request: bytes) -> int | None:
    """Sends one request on a connection of its own; the status of the answer, None if there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=READY_WITHIN_SECONDS) as connection:
            connection.sendall(request)
            head = connection.recv(64)
    except OSError:
        return None
    return int(head[9:12]) if head.startswith(b"HTTP/1.") and head[9:12].isdigit() else None


def _start(program: Program, port: int) -> subprocess.Popen[bytes]:
    command = [part.replace("{port}", str(port)) for part in program.command]
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("wb") as log:
        try:
            return subprocess.Popen(  # noqa: S603 - commands of this package
                command,
                cwd=program.folder,
                env=os.environ | dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerFailed(f"{command[0]} cannot be started: {error.strerror}") from error


def _await_ready(process: subprocess.Popen[bytes], port: int, ready: bytes, begun: float, log: Path) -> None:
    while clock() - begun < READY_WITHIN_SECONDS:
        if process.poll() is not None:
            raise ServerFailed(f"it ended with status {process.returncode}; {log} says why")
        if status_of(port, ready) == 200:
            return
        time.sleep(_LOOK_EVERY_SECONDS)
    raise ServerFailed(f"it was not ready after {READY_WITHIN_SECONDS:.0f} s; {log} may say why")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C in a terminal does it: to the whole group. What is left after a while is killed."""
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_STOPS_WITHIN_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait()


def processor_seconds(root: int) -> float:
    """What a process and all that came from it and still lives has used of the processors."""
    ticks = 0
    for pid in _tree(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _tree(root: int) -> list[int]:
    """A process and all that came from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _kilobytes(file: str, name: str) -> int:
    try:
        lines = Path(file).read_text("ascii", "replace").splitlines()
    except OSError:
        return 0  # it has ended meanwhile
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
