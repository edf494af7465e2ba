"""What makes metrics right across several processes: values in files that all can read.

prometheus_client reads and adds up such files itself (`MultiProcessCollector`). Its own way to write them takes 1.2 µs
for each number, about 30 µs for one request; the values here write the same format, and a request costs 14 µs. A file
of theirs is complete before it has its name, so that a scrape never meets one that is half begun.

No image waits for a place in which to count it: where there can be no file, this process counts in its own memory, and
what it has counted is in a file as soon as there can be one (`SharedFiles.keep`).
"""

import contextlib
import errno
import logging
import mmap
import os
import platform
import struct
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service import log
from service.metrics_ended import held_still
from service.metrics_folder import files, is_own, stat_of

_HEADER = 8
_DOUBLES = 16
_FIRST_SIZE = 1 << 16

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class SharedFiles:
    """The files of this process in a folder, one for each kind of metric. Safe to use from many threads."""

    def __init__(self, folder: Path) -> None:
        """Begins without any.

        Args:
            folder: Belongs to one run of the service: counters of processes that have ended stay in the sums.
        """
        self.lock = threading.Lock()
        self._folder = folder
        # A process may get the number of one that has ended: its gauges go, its counters stay.
        self._pid, self._unique = os.getpid(), uuid.uuid4().hex[:8]
        self._files: dict[str, _File] = {}
        self._told = False

    def file_of(self, kind: str, mode: str) -> "_File":
        """The file for a kind of metric. Needs the lock."""
        name = f"gauge_{mode}_{self._pid}.db" if kind == "gauge" else f"{kind}_{self._pid}_{self._unique}.db"
        if name not in self._files:
            self._files[name] = _File(self._folder / name)
        return self._files[name]

    def keep(self) -> None:
        """Makes files again that somebody has removed, and those that could not be made; says once if it cannot."""
        with self.lock:
            troubles = [file.keep() for file in self._files.values()]
        trouble = next((error for error in troubles if error is not None), None)
        if trouble is not None and not self._told:
            log.event("metrics_not_shared", logging.WARNING, error=errno.errorcode.get(trouble.errno or 0))
        elif trouble is None and self._told:
            log.event("metrics_shared")
        self._told = trouble is not None


def shared_values(shared: SharedFiles) -> type:
    """The class of values for `prometheus_client.values.ValueClass`, in these files."""
    lock = shared.lock

    class SharedValue:
        """One number. The parameters and methods are those that prometheus_client's metrics use."""

        __slots__ = ("_at", "_file")

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
                self._file = shared.file_of(typ, multiprocess_mode)
                self._at = self._file.add(key)

        def inc(self, amount: float) -> None:
            with lock:
                self._file.cells[self._at] += amount

        def set(self, value: float, timestamp: float | None = None) -> None:
            with lock:
                self._file.cells[self._at] = value

        def get(self) -> float:
            return self._file.cells[self._at]

    return SharedValue


class _File:
    """Named doubles in a mapped file, as `prometheus_client.mmap_dict` reads them.

    An int32 says how many bytes are used, then 4 bytes of nothing. Each entry: an int32, the length of its key; the key
    in UTF-8 and 1 to 8 spaces, so that what follows is aligned; the value; a time that is not used.
    """

    cells: "memoryview[float]"
    """The doubles; another view after the file has grown or was made again, so they are looked up with the lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: os.stat_result | None = None
        self._mapped = mmap.mmap(-1, _FIRST_SIZE)
        self._use(_HEADER)
        self._grow(_FIRST_SIZE)

    def add(self, key: str) -> int:
        """Adds a zero; returns which of the doubles it is."""
        encoded = key.encode()
        padded = encoded + b" " * (8 - (len(encoded) + 4) % 8)
        entry = struct.pack(f"i{len(padded)}s{_DOUBLES}x", len(encoded), padded)
        size = len(self._mapped)
        while self._used + len(entry) > size:
            size *= 2
        if size > len(self._mapped):
            self._grow(size)
        end = self._used + len(entry)
        self._mapped[self._used : end] = entry
        # Only now can a reader see the entry.
        self._use(end)
        return (end - _DOUBLES) // 8

    def keep(self) -> OSError | None:
        """Makes the file, with what was counted, where there is none; returns why that was not possible."""
        if self._is_there():
            return None
        try:
            self._take(*_new_file(self._path, self._mapped[:]))
        except OSError as error:
            # A file that has lost its name can still be counted in.
            return error
        return None

    def _is_there(self) -> bool:
        try:
            return self._made is not None and os.path.samestat(self._path.lstat(), self._made)
        except OSError:
            return False

    def _grow(self, size: int) -> None:
        """Goes over to a new file of that size, or to memory where there can be none."""
        content = self._mapped[: self._used].ljust(size, b"\0")
        try:
            self._take(*_new_file(self._path, content))
        except OSError:
            mapped = mmap.mmap(-1, size)
            mapped[:] = content
            self._take(mapped, None)

    def _take(self, mapped: mmap.mmap, made: os.stat_result | None) -> None:
        self._mapped, self._made = mapped, made
        self.cells = memoryview(mapped).cast("d")

    def _use(self, size: int) -> None:
        self._used = size
        self._mapped[:4] = struct.pack("i", size)


def _new_file(path: Path, content: bytes) -> tuple[mmap.mmap, os.stat_result]:
    """Maps a file that it makes, in place of one that may be there.

    Raises:
        OSError: There is no room, or the folder is not there or not ours.
    """
    if not is_own(path.parent):
        raise FileNotFoundError(errno.ENOENT, "no folder of ours")
    new = path.with_suffix(".new")
    try:
        new.unlink(missing_ok=True)
        with new.open("xb+") as file:
            # Every byte is written. A file that only has its length takes its room when a page of it is first used, and
            # where there is none the process is ended (SIGBUS).
            file.write(content)
            file.flush()
            mapped = mmap.mmap(file.fileno(), len(content))
            made = os.fstat(file.fileno())
        new.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    return mapped, made


class Sums(Collector):
    """Everything that the processes have counted, added up; what is in nobody's file is not."""

    def __init__(self, folder: Path) -> None:
        """Takes their folder, which need not be there."""
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """The families."""
        while True:
            with held_still(self._folder):
                paths = [str(path) for path in files(self._folder)]
                try:
                    found: Iterable[Metric] = MultiProcessCollector.merge(paths)  # type: ignore[no-untyped-call]
                except FileNotFoundError:
                    continue  # one was removed since they were listed
                return found


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
            stat = stat_of(pid)
            if stat is not None:
                memory.add_metric([str(pid)], int(stat[21]) * _PAGE)
                processor.add_metric([str(pid)], (int(stat[11]) + int(stat[12])) / _TICKS)
                start.add_metric([str(pid)], _booted() + int(stat[19]) / _TICKS)
        yield from (build, memory, processor, start)


def _booted() -> float:
    lines = Path("/proc/stat").read_text("ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))
