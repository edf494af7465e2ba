import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, values
from prometheus_client.multiprocess import MultiProcessCollector

from service.metrics_folder import alive, forget
from service.metrics_processes import SharedFiles, Sums, shared_values
from tests.running_service import ROOT
from tests.service.exposed import Exposed

WRITER = """
import sys
from pathlib import Path
from service.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
{}
print("written", flush=True)
sys.stdin.read()
"""
READER = """
import sys
from pathlib import Path
from service.metrics import Metrics
sys.stdout.buffer.write(Metrics(Path(sys.argv[1])).exposition("")[0])
"""


@contextmanager
def writing(folder: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has run the code with its `metrics`, and lives."""
    command = [sys.executable, "-c", WRITER.format(code), str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "written\n"
            yield process
        finally:
            process.kill()


def read(folder: Path) -> Exposed:
    """What a further process says."""
    command = [sys.executable, "-c", READER, str(folder)]
    return Exposed(subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, check=True).stdout)


FIRST = """
metrics.request("/classify", 200, None, 0.3)
metrics.decided("classifier", 1, "malignant", 0.9)
metrics.in_flight(2, 1000)
metrics.limits(10, 5000)
metrics.versions([("classifier", 1, "serving")])
metrics.ready(True)
"""
SECOND = """
metrics.request("/classify", 200, None, 0.02)
metrics.request("/classify", 503, "not_ready", 0.01)
metrics.decided("classifier", 1, "benign", 0.1)
metrics.in_flight(1, 500)
metrics.limits(10, 5000)
metrics.versions([("classifier", 1, "serving"), ("classifier", 2, "loading")])
metrics.ready(True)
"""


def test_any_process_says_the_sum_of_all_and_the_dead_leave_the_levels_but_not_the_counts(tmp_path: Path) -> None:
    with writing(tmp_path, FIRST) as first:
        with writing(tmp_path, SECOND) as second:
            both = read(tmp_path)
            assert both.value("melanoserve_requests_total", endpoint="/classify", outcome="ok", code="") == 2
            assert both.value("melanoserve_request_seconds_count", endpoint="/classify") == 3
            assert both.value("melanoserve_request_seconds_sum", endpoint="/classify") == pytest.approx(0.33)
            assert both.value("melanoserve_request_seconds_bucket", endpoint="/classify", le="0.025") == 2
            assert both.value("melanoserve_probability_count", model="classifier", version="1") == 2
            assert both.value("melanoserve_in_flight_requests") == 3
            assert both.value("melanoserve_limit_bytes") == 10_000
            for version, state in (("1", "serving"), ("2", "loading")):
                labels = {"model": "classifier", "version": version, "state": state}
                assert both.value("melanoserve_version_state", **labels) == 1
            memory = {dict(labels)["pid"] for labels in both.all("process_resident_memory_bytes")}
            assert {str(first.pid), str(second.pid)} < memory
            # Nobody tells the others.
            second.kill()
        after = read(tmp_path)
        assert after.value("melanoserve_requests_total", endpoint="/classify", outcome="ok", code="") == 2
        assert after.value("melanoserve_request_seconds_count", endpoint="/classify") == 3
        assert after.value("melanoserve_in_flight_requests") == 2
        assert after.value("melanoserve_limit_bytes") == 5_000
        assert str(second.pid) not in {dict(labels)["pid"] for labels in after.all("process_resident_memory_bytes")}


def test_ready_is_when_every_process_is(tmp_path: Path) -> None:
    with writing(tmp_path, "metrics.ready(True)") as first, writing(tmp_path, "") as second:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(tmp_path))  # type: ignore[no-untyped-call]
        assert registry.get_sample_value("melanoserve_ready") == 0
        forget(tmp_path, second.pid)
        assert registry.get_sample_value("melanoserve_ready") == 1
        assert alive(tmp_path) == [first.pid]


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    with writing(tmp_path, "") as process:
        assert alive(tmp_path) == [process.pid]
        assert process.stdin
        process.stdin.close()
        assert process.stdout
        process.stdout.read()
        # It has ended, and nobody has waited for it yet.
        for _ in range(6000):
            if not alive(tmp_path):
                break
            threading.Event().wait(0.01)
        assert alive(tmp_path) == []
        assert not list(tmp_path.glob("gauge_*"))
        assert list(tmp_path.glob("counter_*"))


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """Collects what this process writes into the folder."""
    monkeypatch.setattr(values, "ValueClass", shared_values(SharedFiles(tmp_path)))
    collecting = CollectorRegistry()
    collecting.register(Sums(tmp_path))
    return collecting


def test_more_series_than_a_file_begins_with(registry: CollectorRegistry) -> None:
    counter = Counter("many", "Ä" * 100, ["number"], registry=None)
    first = counter.labels("0")
    for number in range(2000):
        counter.labels(f"{number}").inc(number)
    first.inc(7)
    assert [registry.get_sample_value("many_total", {"number": f"{n}"}) for n in (0, 1, 1999)] == [7, 1, 1999]


@pytest.mark.parametrize("length", range(1, 18))
def test_keys_of_every_length_are_read_back(registry: CollectorRegistry, length: int) -> None:
    gauge = Gauge("level", "x" * length, ["a"], registry=None, multiprocess_mode="livesum")
    gauge.labels("b").set(0.1)
    gauge.labels("c").inc(3)
    gauge.labels("c").dec()
    assert registry.get_sample_value("level", {"a": "b"}) == 0.1
    assert registry.get_sample_value("level", {"a": "c"}) == 2


def test_a_reader_meets_no_half_written_series(registry: CollectorRegistry, tmp_path: Path) -> None:
    done = threading.Event()
    failed: list[Exception] = []

    def collect() -> None:
        while not done.is_set():
            try:
                list(registry.collect())
            except Exception as error:  # noqa: BLE001 - whatever it is, the test fails with it
                failed.append(error)
                return

    reader = threading.Thread(target=collect)
    reader.start()
    for run in range(20):
        values.ValueClass = shared_values(SharedFiles(tmp_path))
        counter = Counter(f"run{run}", "Runs.", ["number"], registry=None)
        for number in range(50):
            counter.labels(f"{number}").inc()
    done.set()
    reader.join()
    assert not failed
    assert sum(sample.value for family in registry.collect() for sample in family.samples) == 20 * 50


def test_a_file_has_its_room_on_the_disk_before_it_is_used(registry: CollectorRegistry, tmp_path: Path) -> None:
    counter = Counter("many", "Ä" * 100, ["number"], registry=None)
    for number in range(500):
        counter.labels(f"{number}")
    assert registry.get_sample_value("many_total", {"number": "499"}) == 0
    (file,) = tmp_path.iterdir()
    assert file.stat().st_blocks * 512 >= file.stat().st_size > 1 << 16


def test_where_there_can_be_no_file_it_counts_all_the_same_and_shares_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, collecting = tmp_path / "folder", CollectorRegistry()
    shared = SharedFiles(folder)
    monkeypatch.setattr(values, "ValueClass", shared_values(shared))
    collecting.register(Sums(folder))
    counter = Counter("many", "Ä" * 100, ["number"], registry=None)
    with caplog.at_level("INFO"):
        for number in range(500):
            counter.labels(f"{number}").inc(number)
            shared.keep()
        assert [record.getMessage() for record in caplog.records] == ["metrics_not_shared"]
        assert list(collecting.collect()) == []
        folder.mkdir()
        shared.keep()
        assert [record.getMessage() for record in caplog.records] == ["metrics_not_shared", "metrics_shared"]
    counter.labels("499").inc()
    assert collecting.get_sample_value("many_total", {"number": "7"}) == 7
    assert collecting.get_sample_value("many_total", {"number": "499"}) == 500


def test_what_was_counted_comes_back_when_its_files_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, collecting = SharedFiles(tmp_path), CollectorRegistry()
    monkeypatch.setattr(values, "ValueClass", shared_values(shared))
    collecting.register(Sums(tmp_path))
    counter, level = Counter("many", "Many.", registry=None), Gauge("level", "Level.", registry=None)
    counter.inc(3)
    for path in tmp_path.iterdir():
        path.unlink()
    counter.inc(4)
    assert collecting.get_sample_value("many_total") is None
    shared.keep()
    counter.inc(5)
    level.set(6)
    assert collecting.get_sample_value("many_total") == 12
    assert {sample.value for family in collecting.collect() for sample in family.samples} == {12, 6}


def test_nothing_is_put_into_a_place_that_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    shared = SharedFiles(link)
    monkeypatch.setattr(values, "ValueClass", shared_values(shared))
    counter = Counter("many", "Many.", registry=None)
    counter.inc()
    shared.keep()
    assert not list(elsewhere.iterdir())
