"""A mark in the state folder for as long as a start loads models.

What crashes there ends the process, and every start after it. So a start that finds the mark of one that did not come
to its end loads nothing that was not tried in a process of its own first, and leaves the mark until all is well.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

MARK = "loading"
"""The file's name. Whoever loads has a lock on it, which ends with the process, however that ends. There is something
in it once somebody found that it was left."""
MADE_SECONDS = 0.1
"""Between making the file and locking it there are some microseconds, or more where a processor is taken away."""


class Mark:
    """Of one start; several processes of one service may start at the same time."""

    def __init__(self, state: Path) -> None:
        """Leaves it. Where the state folder cannot be written, or its files cannot be locked, nothing is marked."""
        self.left = False
        self._file = state / MARK
        self._descriptor: int | None = None
        with suppress(OSError):
            state.mkdir(parents=True, exist_ok=True)
            self._leave()

    def remove(self) -> None:
        """Takes it away, or leaves that to those who are still loading; a second call does nothing."""
        if self._descriptor is None:
            return
        if self._is_alone(self._descriptor) and self._is_there(self._descriptor):
            with suppress(OSError):
                self._file.unlink()
        os.close(self._descriptor)
        self._descriptor = None

    def _leave(self) -> None:
        try:
            self._descriptor = descriptor = os.open(
                self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
        except FileExistsError:
            self._descriptor = descriptor = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
            if self._is_alone(descriptor) and self._stays_alone(descriptor):
                os.pwrite(descriptor, b"left", 0)
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # whoever has it alone writes four bytes meanwhile
        self.left = os.fstat(descriptor).st_size > 0

    def _stays_alone(self, descriptor: int) -> bool:
        """Whoever has just made it, and starts at the same time, may not have locked it yet, or have removed it."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(MADE_SECONDS)
        return self._is_there(descriptor) and self._is_alone(descriptor)

    def _is_there(self, descriptor: int) -> bool:
        """Whether the file of this name is still the one that was locked, and not somebody else's."""
        try:
            return os.path.samestat(self._file.lstat(), os.fstat(descriptor))
        except OSError:
            return False

    @staticmethod
    def _is_alone(descriptor: int) -> bool:
        """Takes the lock for itself if nobody else has it; on a file system that cannot lock it does not."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
