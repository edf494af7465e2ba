import json
import os
import pty
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from service.outlet import MOST_BYTES, Outlet
from tests.running_service import ROOT, WITHOUT_TLS
from tests.small_disk import small_disk

LINE = b"x" * 99 + b"\n"


def told(lost: int) -> bytes:
    return f"lost {lost}\n".encode()


def pipe() -> tuple[int, int]:
    return os.pipe()


def sockets() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


def old_pipe() -> tuple[int, int]:
    """One that the system writes to without waiting only when asked first, as a named one and all before Linux 6.5."""
    name = Path(tempfile.mkdtemp()) / "pipe"
    os.mkfifo(name)
    reader = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(name, os.O_WRONLY)
    os.set_blocking(reader, True)
    name.unlink()
    name.parent.rmdir()
    return reader, writer


@contextmanager
def ends(opened: Callable[[], tuple[int, int]]) -> Iterator[tuple[int, int]]:
    reader, writer = opened()
    try:
        yield reader, writer
    finally:
        for end in (reader, writer):
            with suppress(OSError):
                os.close(end)


def lines(reader: int, count: int = 1, last: bytes = b"") -> list[bytes]:
    """The whole lines that can be read there, until there are so many and the last begins like that."""
    data, found = b"", list[bytes]()
    while len(found) < count or not found[-1].startswith(last):
        data += os.read(reader, 65536)
        found = data.rpartition(b"\n")[0].splitlines()
    return found


KINDS = pytest.mark.parametrize("opened", [pipe, old_pipe, sockets, pty.openpty])


@KINDS
def test_who_logs_waits_for_no_reader_and_nothing_is_lost(opened: Callable[[], tuple[int, int]]) -> None:
    with ends(opened) as (reader, writer):
        outlet, count = Outlet(writer, told), MOST_BYTES // 100
        for number in range(count):
            outlet.write(f"{number:099}\n".encode())
        assert outlet._waiting
        found = lines(reader, count)
        assert [int(line) for line in found] == list(range(count))
        outlet.flush()
        outlet.write(LINE)
        assert lines(reader) == [LINE.strip()]


@KINDS
def test_what_is_too_much_is_lost_and_counted(opened: Callable[[], tuple[int, int]]) -> None:
    with ends(opened) as (reader, writer):
        outlet, count = Outlet(writer, told), 2 * MOST_BYTES // 100
        for _ in range(count):
            outlet.write(LINE)
        assert sum(map(len, outlet._waiting)) <= MOST_BYTES
        *kept, last = lines(reader, last=b"lost")
        assert set(kept) == {LINE.strip()}
        assert last == f"lost {count - len(kept)}".encode()


def test_a_line_longer_than_what_a_pipe_takes_at_once_stays_one() -> None:
    with ends(pipe) as (reader, writer):
        outlet = Outlet(writer, told)
        outlet.write(b"y" * 100_000 + b"\n")
        outlet.write(LINE)
        assert [len(line) for line in lines(reader, 2)] == [100_000, 99]


def test_where_nobody_reads_any_more_nothing_is_kept() -> None:
    with ends(pipe) as (reader, writer):
        outlet = Outlet(writer, told)
        for _ in range(1000):
            outlet.write(LINE)
        os.close(reader)
        outlet.flush()
        outlet.write(LINE)
        assert not outlet._waiting


def test_what_a_full_disk_does_not_take_comes_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 64) as small, (small / "log").open("ab") as log:
        other = small / "other"
        other.write_bytes(b"o" * 40_000)
        outlet = Outlet(log.fileno(), told)
        for number in range(400):
            outlet.write(f"{number:099}\n".encode())
        assert outlet._waiting
        other.unlink()
        deadline = time.monotonic() + 60
        while outlet._waiting:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert [int(line) for line in (small / "log").read_bytes().splitlines()] == list(range(400))


PROGRAM = """
from service import log
log.configure("info")
for number in range(5_000):
    log.event("line", number=number)
print("done", flush=True)
input()
"""


def test_the_log_of_a_process_waits_for_no_reader_and_ends_whole() -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        found = list[dict[str, object]]()

        def read() -> None:
            assert process.stderr is not None
            found.extend(map(json.loads, process.stderr))

        reading = threading.Thread(target=read)
        reading.start()
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait(60) == 0
        reading.join(60)
    assert [line["number"] for line in found] == list(range(5_000))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_log_that_nobody_reads_keeps_a_service_neither_from_answering_nor_from_ending(
    pristine_store: Path, state: Path, processes: str
) -> None:
    settings = {"PORT": "0", "STORE": str(pristine_store), "STATE": str(state), "PROCESSES": processes}
    environment = os.environ | {f"MELANOSERVE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "service"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            events = map(json.loads, process.stderr)
            listening = next(event for event in events if event["event"] == "listening")
            url = f"http://{listening['host']}:{listening['port']}"
            with httpx.Client(base_url=url, timeout=60, verify=WITHOUT_TLS) as client:
                for _ in range(600):
                    assert client.get("/nowhere").status_code == 404
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
