"""What makes metrics right across several processes: values in files that all can read, and who is still alive.

prometheus_client reads and adds up such files itself (`MultiProcessCollector`). Its own way to write them takes 1.2 µs
for each number, about 30 µs for one request; the values here write the same format, and a request costs 14 µs. A file
of theirs is complete before it has its name, so that a scrape never meets one that is half begun.
"""

import mmap
import os
import platform
import re
import struct
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import mmap_key
from prometheus_client.registry import Collector

_HEADER = 8
_DOUBLES = 16
_FIRST_SIZE = 1 << 16

_LIVE = re.compile(r"gauge_live\w*_(\d+)\.db")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def shared_values(folder: Path) -> type:
    """The class of values for `prometheus_client.values.ValueClass`, with files of this process in a folder.

    Args:
        folder: Exists, and belongs to one run of the service: counters of processes that have ended stay in the sums.
    """
    # A process may get the number of one that has ended: its gauges go, its counters stay.
    pid, unique = os.getpid(), uuid.uuid4().hex[:8]
    files: dict[str, _File] = {}
    lock = threading.Lock()

    def file_of(kind: str, mode: str) -> _File:
        name = f"gauge_{mode}_{pid}.db" if kind == "gauge" else f"{kind}_{pid}_{unique}.db"
        if name not in files:
            files[name] = _File(folder / name)
        return files[name]

    class SharedValue:
        """One number. The parameters and methods are those that prometheus_client's metrics use."""

        __slots__ = ("_at", "_cells")

        def __init__(  # noqa: PLR0913, PLR0917
            self,
            typ: str,
            metric_name: str,
            name: str,
            labelnames: Iterable[str],
            labelvalues: Iterable[str],
            help_text: str,
            multiprocess_mode: str = "",
            **_: object,
        ) -> None:
            key = mmap_key(metric_name, name, list(labelnames), list(labelvalues), help_text)
            with lock:
                self._cells, self._at = file_of(typ, multiprocess_mode).add(key)

        def inc(self, amount: float) -> None:
            with lock:
                self._cells[self._at] += amount

        def set(self, value: float, timestamp: float | None = None) -> None:
            self._cells[self._at] = value

        def get(self) -> float:
            return self._cells[self._at]

    return SharedValue


class _File:
    """Named doubles in a mapped file, as `prometheus_client.mmap_dict` reads them.

    An int32 says how many bytes are used, then 4 bytes of nothing. Each entry: an int32, the length of its key; the key
    in UTF-8 and 1 to 8 spaces, so that what follows is aligned; the value; a time that is not used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_suffix(".new")
        self._path.touch()
        self._map(_FIRST_SIZE)
        self._use(_HEADER)
        self._path = self._path.rename(path)

    def add(self, key: str) -> tuple["memoryview[float]", int]:
        """Adds a zero; returns the doubles of the file and which of them it is. Older views stay valid."""
        encoded = key.encode()
        padded = encoded + b" " * (8 - (len(encoded) + 4) % 8)
        entry = struct.pack(f"i{len(padded)}s{_DOUBLES}x", len(encoded), padded)
        while self._used + len(entry) > len(self._mapped):
            self._map(2 * len(self._mapped))
        end = self._used + len(entry)
        self._mapped[self._used : end] = entry
        # Only now can a reader see the entry.
        self._use(end)
        return self._cells, (end - _DOUBLES) // 8

    def _map(self, size: int) -> None:
        with self._path.open("r+b") as file:
            file.truncate(size)
            self._mapped = mmap.mmap(file.fileno(), size)
        self._cells: memoryview[float] = memoryview(self._mapped).cast("d")

    def _use(self, size: int) -> None:
        self._used = size
        self._mapped[:4] = struct.pack("i", size)


def forget(folder: Path, pid: int) -> None:
    """Takes a dead process out of the gauges. What it counted stays counted."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def alive(folder: Path) -> list[int]:
    """The processes that write metrics; those that ended without a word are forgotten."""
    pids = {int(found[1]) for path in folder.iterdir() if (found := _LIVE.fullmatch(path.name))}
    dead = {pid for pid in pids if _stat(pid) is None}
    for pid in dead:
        forget(folder, pid)
    return sorted(pids - dead)


def own() -> list[int]:
    """This process, where it is the only one."""
    return [os.getpid()]


class Processes(Collector):
    """What runs, and the memory and processor time of every process, read when asked.

    prometheus_client's own collector knows only the process that is asked, which with several is any of them.
    """

    def __init__(self, pids: Callable[[], list[int]], version: str) -> None:
        """Takes a way to find out which processes there are, and the version of the software."""
        self._pids = pids
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """The families; those of processes have the names that every Prometheus dashboard knows."""
        build = GaugeMetricFamily("melanoserve_build_info", "What is running.", labels=["version", "python"])
        build.add_metric([self._version, platform.python_version()], 1)
        memory = GaugeMetricFamily("process_resident_memory_bytes", "Memory in use.", labels=["pid"])
        processor = CounterMetricFamily("process_cpu_seconds", "Processor time used.", labels=["pid"])
        start = GaugeMetricFamily("process_start_time_seconds", "When the process began.", labels=["pid"])
        for pid in self._pids():
            stat = _stat(pid)
            if stat is not None:
                memory.add_metric([str(pid)], int(stat[21]) * _PAGE)
                processor.add_metric([str(pid)], (int(stat[11]) + int(stat[12])) / _TICKS)
                start.add_metric([str(pid)], _booted() + int(stat[19]) / _TICKS)
        yield from (build, memory, processor, start)


def _stat(pid: int) -> list[str] | None:
    """Fields 3 and on of /proc/PID/stat (the name before them may hold anything); None for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields


def _booted() -> float:
    lines = Path("/proc/stat").read_text("ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))
