"""The process that decodes: bounded in memory and processor time, many cases one after the other.

It is expected to die: the parent (`runner`) sees of which case, and starts another one.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import resource
import signal
import sys
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.cases import Case, build
from tests.fuzz.judge import decoder, judge

# Making a case is no part of what is measured; a mutation that never ends would be noticed.
_BUILD_SECONDS = 60


@dataclass(frozen=True)
class Bounds:
    """What one child may take.

    Attributes:
        address_space: Bytes, of all that it maps.
        processor_seconds: For one case, which is decoded twice. Unlike time, it is not longer on a machine that does
            other things too.
        wall_seconds: Without a verdict and without any use of the processor; the parent measures this.
        growth: Bytes by which its resident memory may grow over its life, once it has settled.
        settled_after: Cases after which it has loaded and allocated what it does once.
    """

    address_space: int = 1_500_000_000
    processor_seconds: int = 5
    wall_seconds: float = 10.0
    growth: int = 24_000_000
    settled_after: int = 1_000


@dataclass(frozen=True)
class Chunk:
    """Cases `first` to `first + count - 1` of a format."""

    format: str
    first: int
    count: int


def resident() -> int:
    """Resident memory of this process in bytes, less what the C library only keeps for the next picture.

    Of anonymous pages only: those of the libraries' files are taken and given back as the kernel likes.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon:"))


def _bound_processor(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def serve(connection: Connection, decoder_name: str, bounds: Bounds, trace: Path) -> None:
    """Judge the cases of every chunk that comes in: send (verdict, None), with the last one the resident memory.

    Args:
        connection: To the parent; ends when that does.
        decoder_name: `module:function` of the decoder.
        bounds: What this process may take.
        trace: File for what is written to stderr, and for the Python stack if it dies of a signal.
    """
    # As in the tests: nothing that is read may make a library warn.
    warnings.simplefilter("error")
    # A Ctrl-C is for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with trace.open("w") as file:
        # libtiff and the C library print there: the one about every damaged file, the other when memory is corrupted.
        os.dup2(file.fileno(), sys.stderr.fileno())
        faulthandler.enable(file)
        faulthandler.register(signal.SIGXCPU, file, chain=True)
        decode = decoder(decoder_name)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (bounds.address_space, bounds.address_space))
        while True:
            try:
                chunk: Chunk = connection.recv()
            except EOFError:
                return
            last = chunk.first + chunk.count - 1
            for number in range(chunk.first, last + 1):
                _bound_processor(_BUILD_SECONDS)
                data = build(Case(chunk.format, number))
                _bound_processor(bounds.processor_seconds)
                verdict = judge(data, decode)
                del data  # or the last file of a chunk, which may have 30 MB, would be weighed as if it had leaked
                # Weighed before its verdict is sent: memory that a case has corrupted often kills only then.
                connection.send((verdict, resident() if number == last else None))
