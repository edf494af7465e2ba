"""The folder of what is counted: alone, and under services from which it is taken away."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from service.metrics_folder import PREFIX, HeldFolder, alive, is_own
from tests.running_service import ROOT, WITHOUT_TLS, Service, running
from tests.service.test_supervisor import classify, counted_requests, metrics, processes, until_all_are_ready
from tests.small_disk import small_disk

HOLDER = """
from service.metrics_folder import HeldFolder
folder = HeldFolder()
print(folder.path, flush=True)
input()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of these tests alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_it_is_ours_alone_and_gone_in_the_end(temporary: Path) -> None:
    with closing(HeldFolder()) as folder:
        assert folder.path.parent == temporary
        assert folder.path.stat().st_mode & 0o777 == 0o700
        (folder.path / "file.db").touch()
    assert not list(temporary.iterdir())


def test_what_a_killed_supervisor_leaves_is_removed_by_the_next_and_nothing_else(temporary: Path) -> None:
    other, link, used = (temporary / f"{PREFIX}{name}" for name in ("file", "link", "used"))
    other.touch()
    link.symlink_to(temporary.parent)
    used.mkdir()
    (used / f"gauge_livesum_{os.getpid()}.db").touch()
    command = [sys.executable, "-c", HOLDER]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
        closing(HeldFolder()) as first,
    ):
        assert process.stdout
        path = Path(process.stdout.readline().strip())
        with closing(HeldFolder()):
            assert path.exists()
            assert first.path.exists()
        process.kill()
        process.wait()
        assert path.exists()
        with closing(HeldFolder()):
            assert not path.exists()
            assert first.path.exists()
    assert {entry.name for entry in temporary.iterdir()} == {other.name, link.name, used.name}


def test_it_is_made_again_and_held_again(temporary: Path) -> None:
    with closing(HeldFolder()) as folder:
        shutil.rmtree(folder.path)
        assert not is_own(folder.path)
        assert alive(folder.path) == []
        folder.hold()
        assert folder.path.stat().st_mode & 0o777 == 0o700
        with closing(HeldFolder()):
            assert folder.path.exists()


def test_what_somebody_else_puts_in_its_place_is_left_alone(temporary: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").touch()
    with closing(HeldFolder()) as folder:
        shutil.rmtree(folder.path)
        folder.path.symlink_to(theirs)
        folder.hold()
        assert not is_own(folder.path)
    assert list(theirs.iterdir())


def waited_for(happened: Callable[[], bool]) -> bool:
    """Whether it has happened within two minutes."""
    deadline = time.monotonic() + 120
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture
def two(pristine_store: Path, state: Path, temporary: Path) -> Iterator[Service]:
    environment = {"TMPDIR": str(temporary)}
    with running(pristine_store, state, variables=environment, PROCESSES="2", SHUTDOWN_SECONDS="5") as service:
        until_all_are_ready(service)
        yield service


def test_a_folder_that_is_removed_costs_neither_metrics_nor_a_process(two: Service, temporary: Path) -> None:
    assert Counter(classify(two) for _ in range(6)) == {200: 6}
    assert waited_for(lambda: counted_requests(two) == 6)
    (folder,) = temporary.glob(f"{PREFIX}*")
    for _ in range(3):
        shutil.rmtree(folder, ignore_errors=True)
        answer = httpx.get(f"{two.client.base_url}/metrics", timeout=60, verify=WITHOUT_TLS)
        assert answer.status_code == 200
    assert classify(two) == 200
    assert waited_for(lambda: counted_requests(two) == 7)
    until_all_are_ready(two)
    victim = processes(two)[0]
    shutil.rmtree(folder, ignore_errors=True)
    os.kill(victim, signal.SIGKILL)
    assert waited_for(lambda: victim not in processes(two) and len(processes(two)) == 2)
    until_all_are_ready(two)
    assert len(two.events("process_died")) == 1
    assert two.stop() == 0
    assert not list(temporary.glob(f"{PREFIX}*"))


def test_a_supervisor_that_is_killed_leaves_no_folder(two: Service, temporary: Path) -> None:
    assert list(temporary.glob(f"{PREFIX}*"))
    two.process.kill()
    two.process.wait()
    assert waited_for(lambda: not list(temporary.glob(f"{PREFIX}*")))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk with room for a word, but not for a file of numbers."""
    with small_disk(tmp_path / "small", 32) as folder:
        yield folder


def test_images_are_answered_on_a_full_disk_and_counted_when_there_is_room(
    pristine_store: Path, state: Path, small: Path
) -> None:
    with running(pristine_store, state, variables={"TMPDIR": str(small)}, PROCESSES="2") as service:
        assert waited_for(lambda: len(service.events("metrics_not_shared")) == 2)
        assert Counter(classify(service) for _ in range(6)) == {200: 6}
        assert re.search("^melanoserve_build_info", metrics(service), re.MULTILINE)
        time.sleep(2.5)
        assert not service.events("process_died")
        assert [event["error"] for event in service.events("metrics_not_shared")] == ["ENOSPC"] * 2
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        until_all_are_ready(service)
        assert waited_for(lambda: counted_requests(service) == 6)
        assert waited_for(lambda: len(service.events("metrics_shared")) == 2)
        assert service.stop() == 0
