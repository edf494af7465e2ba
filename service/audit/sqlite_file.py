"""The file of a trail in SQLite: made, opened, and watched, since SQLite does not notice that it was taken away."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

_PRIVATE = 0o600


def open_file(file: Path, *, make: bool, patience: float) -> sqlite3.Connection:
    """A connection to it.

    Args:
        file: Where it is.
        make: Whether it is made if it is not there.
        patience: Seconds to wait for others who write.

    Raises:
        OSError: It is not there, is a folder, or cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    _ready(file, make=make)
    connection = sqlite3.connect(
        file, timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=16
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a commit is on the disk when it returns. With NORMAL it survives the end of the process, but what was
    # answered in the seconds before a power failure would have no row.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def _ready(file: Path, *, make: bool) -> None:
    """Makes the file, its owner's alone, or sees whether it can be written.

    One that is there is not opened: to close it again would end all locks that this process holds on it for readers of
    the trail, and who reads it elsewhere would then take away the log, as the last one who needs it.
    """
    if make:
        with suppress(FileExistsError):
            os.close(os.open(os.path.realpath(file), os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE))
    if not file.exists():
        raise _system(errno.ENOENT)
    if file.is_dir():
        raise _system(errno.EISDIR)
    if not os.access(file, os.R_OK | os.W_OK):
        raise _system(errno.EACCES)


def _system(number: int) -> OSError:
    """As the system raises it."""
    return OSError(number, os.strerror(number))


class Watch:
    """Tells whether the files are still those that were opened: what is written to others is found by nobody."""

    def __init__(self, file: Path) -> None:
        """Watches the file itself."""
        self._files = [file]
        self._identities = [_identity(file)]

    def add_log(self) -> None:
        """Watches SQLite's log and the index of it, too: rows are in the log until it is copied into the file.

        They are made by the first transaction, and stay as long as somebody has the file open.
        """
        place = os.path.realpath(self._files[0])  # where SQLite has them, whatever links lead to the file
        logs = [Path(f"{place}-wal"), Path(f"{place}-shm")]
        self._files += logs
        self._identities += [_identity(log) for log in logs]

    def disturbed(self) -> bool:
        """Whether one of them was removed or replaced."""
        return [_identity(file) for file in self._files] != self._identities


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
