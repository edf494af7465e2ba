"""What processes that have ended had counted, in one file for each kind of metric.

Each process has files of its own, and what it counted must stay in the sums. Where processes keep dying, their files
would fill the disk, and every scrape would read them all.
"""

import contextlib
import fcntl
import os
import re
import struct
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from service.metrics_folder import MERGING, files

KINDS = ("counter", "histogram")
"""Of a gauge only that of the living counts."""

_COUNTED = re.compile(rf"({'|'.join(KINDS)})_(\d+)_\w+\.db")
_HEADER = 8


def merge_ended(folder: Path, running: Collection[int]) -> bool:
    """Adds the files of processes that have ended to one of each kind; by the supervisor, and by nobody else.

    Where there is no room for that they stay as they are.

    Args:
        folder: Where the processes keep what they count.
        running: Those that may still count.

    Returns:
        Whether it is done; False while somebody reads the files.
    """
    ended = defaultdict[str, list[Path]](list)
    for path in files(folder):
        found = _COUNTED.fullmatch(path.name)
        if found and int(found[2]) not in running:
            ended[found[1]].append(path)
    if all(len(paths) < 2 for paths in ended.values()):
        return True
    try:
        with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            for kind, paths in ended.items():
                _merge(paths, folder / f"{kind}_0_ended.db")
    except BlockingIOError:
        return False
    except (OSError, struct.error):
        pass  # whatever is wrong with what they left, the service goes on
    return True


@contextlib.contextmanager
def held_still(folder: Path) -> Iterator[None]:
    """For who reads the files: none are merged meanwhile, so that nothing is counted twice or not at all."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # nor can they be merged
            held.enter_context(_locked(folder, fcntl.LOCK_SH))
        yield


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    lock = os.open(folder / MERGING, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, how)
        yield
    finally:
        os.close(lock)


def _merge(paths: Collection[Path], into: Path) -> None:
    sums = defaultdict[bytes, float](float)
    for path in paths:
        for key, value in _values(path.read_bytes()):
            sums[key] += value
    new = into.with_suffix(".new")
    try:
        new.write_bytes(_content(sums))
        new.replace(into)
    finally:
        new.unlink(missing_ok=True)
    for path in paths:
        if path != into:
            path.unlink(missing_ok=True)


def _values(data: bytes) -> Iterator[tuple[bytes, float]]:
    """Keys and values of a file; see `metrics_processes` for its form."""
    (used,) = struct.unpack_from("i", data)
    at = _HEADER
    while at < used:
        (length,) = struct.unpack_from("i", data, at)
        key = data[at + 4 : at + 4 + length]
        at += 4 + _padded(length)
        yield key, struct.unpack_from("d", data, at)[0]
        at += 16


def _content(sums: dict[bytes, float]) -> bytes:
    entries = [
        struct.pack(f"i{_padded(len(key))}sdd", len(key), key.ljust(_padded(len(key))), value, 0.0)
        for key, value in sums.items()
    ]
    used = _HEADER + sum(map(len, entries))
    return struct.pack("ii", used, 0) + b"".join(entries)


def _padded(length: int) -> int:
    """Bytes of a key and its spaces, so that the value behind it is aligned."""
    return length + 8 - (length + 4) % 8
