"""Files of processes that have ended become one of each kind: alone, read meanwhile, and under a real service."""

import fcntl
import os
import signal
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from service.metrics_ended import held_still, merge_ended
from service.metrics_folder import MERGING, PREFIX, HeldFolder, alive, forget
from service.metrics_processes import SharedFiles, Sums, shared_values
from tests.running_service import Service, running
from tests.service.test_metrics_folder import waited_for
from tests.service.test_supervisor import classify, counted_requests, processes, until_all_are_ready
from tests.small_disk import small_disk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One in which files can be merged; values are in files as those of several processes are."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    (tmp_path / MERGING).touch()
    return tmp_path


def counted_by(folder: Path, pid: int) -> None:
    """What a process of this number counts before it ends."""
    shared = SharedFiles(folder)
    shared._pid = pid
    values.ValueClass = shared_values(shared)
    requests = Counter("requests", "Ä requests.", ["code"], registry=None)
    requests.labels("").inc(pid)
    requests.labels(f"only_of_{pid}").inc()
    seconds = Histogram("seconds", "Seconds.", buckets=(0.1, 1.0), registry=None)
    for took in (0.05, 0.5, 5.0):
        seconds.observe(took)
    Gauge("level", "Level.", registry=None, multiprocess_mode="livesum").set(1)


def sums(folder: Path) -> dict[tuple[str, str], float]:
    collecting = CollectorRegistry()
    collecting.register(Sums(folder))
    return {
        (sample.name, str(sorted(sample.labels.items()))): sample.value
        for family in collecting.collect()
        for sample in family.samples
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.db") if not path.name.startswith("gauge"))


def test_what_ended_processes_counted_stays_counted_in_one_file_of_each_kind(folder: Path) -> None:
    for pid in range(1, 6):
        counted_by(folder, pid)
    before = sums(folder)
    assert before["requests_total", "[('code', '')]"] == 15
    assert merge_ended(folder, {5})
    assert sums(folder) == before
    assert len(names(folder)) == 4
    assert names(folder)[0] == "counter_0_ended.db"
    # And once more, with what was merged before.
    counted_by(folder, 6)
    before = sums(folder)
    assert merge_ended(folder, set())
    assert sums(folder) == before
    assert names(folder) == ["counter_0_ended.db", "histogram_0_ended.db"]
    assert merge_ended(folder, set())
    assert sums(folder) == before


def test_who_reads_meanwhile_counts_nothing_twice_and_misses_nothing(folder: Path) -> None:
    counted_by(folder, 1)
    total, wrong, done = [1.0], list[float](), threading.Event()

    def read() -> None:
        while not done.is_set():
            at_least = total[0]
            found = sums(folder)["requests_total", "[('code', '')]"]
            if not at_least <= found <= total[0] + 1:
                wrong.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(60):
        counted_by(folder, 1)
        total[0] += 1
        while not merge_ended(folder, set()):
            pass
    done.set()
    reader.join()
    assert not wrong
    assert sums(folder)["requests_total", "[('code', '')]"] == 61


def test_while_they_are_read_they_are_left_for_later(folder: Path) -> None:
    for pid in (1, 2):
        counted_by(folder, pid)
    before = names(folder)
    with held_still(folder):
        assert not merge_ended(folder, set())
        assert names(folder) == before
    assert merge_ended(folder, set())
    assert len(names(folder)) == 2


def test_what_cannot_be_merged_stays_as_it_is(folder: Path) -> None:
    for pid in (1, 2):
        counted_by(folder, pid)
    before = names(folder)
    (folder / MERGING).rename(folder / "away")
    assert merge_ended(folder, set())
    assert names(folder) == before
    (folder / "away").rename(folder / MERGING)
    (folder / "counter_3_damaged.db").write_bytes(b"\xff\xff\xff\x0f")
    assert merge_ended(folder, set())
    assert {name for name in names(folder) if name.startswith("counter")} > {one for one in before if "counter" in one}
    assert not list(folder.glob("*.new"))


def test_the_folder_of_a_supervisor_can_be_merged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with closing(HeldFolder()) as held:
        lock = os.open(held.path / MERGING, os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(lock)


def kill_all(service: Service) -> None:
    """And waits for others in their place."""
    before = set(processes(service))
    for victim in before:
        os.kill(victim, signal.SIGKILL)
    assert waited_for(lambda: len(set(processes(service)) - before) == 2)
    until_all_are_ready(service)


def test_processes_that_die_leave_their_counts_and_no_files(pristine_store: Path, state: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    with running(
        pristine_store, state, variables={"TMPDIR": str(tmp_path / "temporary")}, PROCESSES="2", SHUTDOWN_SECONDS="5"
    ) as service:
        until_all_are_ready(service)
        assert [classify(service) for _ in range(4)] == [200] * 4
        assert waited_for(lambda: counted_requests(service) == 4)
        (folder,) = (tmp_path / "temporary").glob(f"{PREFIX}*")
        for _ in range(2):
            kill_all(service)
        assert waited_for(lambda: len(names(folder)) == 6)
        owners = {int(name.split("_")[1]) for name in names(folder)}
        assert owners == {0, *processes(service)}
        assert counted_requests(service) == 4
        assert classify(service) == 200
        assert waited_for(lambda: counted_requests(service) == 5)


def test_on_a_disk_that_became_read_only_nothing_ends(tmp_path: Path) -> None:
    """As the system makes it after an error: of who has ended the gauges stay, and those who go on serve."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    with small_disk(tmp_path / "small", 1000) as small:
        folder = small / "folder"
        folder.mkdir()
        (folder / MERGING).touch()
        for name in (f"gauge_livesum_{ended.pid}.db", f"counter_{ended.pid}_1.db", f"counter_{ended.pid}_2.db"):
            (folder / name).touch()
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        forget(folder, ended.pid)
        assert alive(folder) == []
        assert merge_ended(folder, ())
