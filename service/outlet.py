"""Where the lines of the log go: to a descriptor, and nobody who logs waits for whoever reads it.

A pipe takes 64 kB and then keeps whoever writes until somebody reads. Where a container's log driver or the system's
journal stands still, or somebody stops the terminal, that would be the event loop: it would answer neither images nor
probes, and not even end. So what is not taken at once waits here for a thread that writes it. What is too much for that
is lost, and counted.
"""

import errno
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable

MOST_BYTES = 1_000_000
"""Of lines that wait."""
LATER_SECONDS = 0.5
"""After so long a disk without room is tried again."""
FLUSH_SECONDS = 2.0
"""How long the end of a process waits for lines to be taken."""

_LATER = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOSPC, errno.EDQUOT})
"""What may be over in a moment; after any other error nobody reads what is written."""


class Outlet:
    """Safe to use from many threads, and once more by what runs in the middle of it, such as a destructor that logs."""

    def __init__(self, descriptor: int, told: Callable[[int], bytes]) -> None:
        """Writes nothing yet.

        Args:
            descriptor: A file, pipe, socket or terminal, to which others may write as well.
            told: The line that says how many were lost.
        """
        self._descriptor, self._told = descriptor, told
        self._write = _waitless(descriptor)
        self._changed = threading.Condition()  # a thread may take its lock twice
        self._waiting = deque[bytes]()
        self._bytes = self._lost = 0
        self._busy = False

    def write(self, line: bytes) -> None:
        """Writes a line, or leaves it to a thread; never waits, but for a disk."""
        with self._changed:
            left = line if self._waiting else line[self._taken(line) :]
            if not left:
                return
            if self._bytes + len(left) > MOST_BYTES and len(left) == len(line):
                self._lost += 1
                return
            self._add(left)
            if not self._busy:
                self._begin()

    def flush(self) -> None:
        """Waits until all is written, but not for long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, FLUSH_SECONDS)

    def _taken(self, line: bytes) -> int:
        """How much of it is taken at once."""
        try:
            return self._write(line)
        except OSError as error:
            return 0 if error.errno in _LATER else len(line)

    def _add(self, line: bytes) -> None:
        self._waiting.append(line)
        self._bytes += len(line)

    def _begin(self) -> None:
        self._busy = True
        try:
            threading.Thread(target=self._write_waiting, name="log", daemon=True).start()
        except RuntimeError:  # there is no room for one, or the process is ending; the next line tries again
            self._busy = False

    def _write_waiting(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._busy = False
                    self._changed.notify_all()
                    return
                line = self._waiting[0]
            _write_all(self._descriptor, line)
            with self._changed:
                self._waiting.popleft()
                self._bytes -= len(line)
                if self._lost and self._bytes < MOST_BYTES // 2:
                    lost, self._lost = self._lost, 0
                    self._add(self._told(lost))


def _write_all(descriptor: int, line: bytes) -> None:
    """Writes it, however long that takes; without a word if nobody reads it any more."""
    left = memoryview(line)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except OSError as error:
            if error.errno not in _LATER:
                return
            time.sleep(LATER_SECONDS)


def _waitless(descriptor: int) -> Callable[[bytes], int]:
    """What writes as much as is taken at once and says how much that is; as an OSError where it is nothing.

    The descriptor stays as it is: what is set for it holds for all processes that write there.
    """
    mode = os.fstat(descriptor).st_mode
    if os.isatty(descriptor):
        return lambda _: 0  # it says that it takes more where there is room for a letter
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return lambda line: os.write(descriptor, line)  # a file, which cannot be asked
    ready = select.poll()
    ready.register(descriptor, select.POLLOUT)

    def asked_first(line: bytes) -> int:
        # Of more than that a part may be taken, and then whoever writes waits.
        return os.write(descriptor, line) if len(line) <= select.PIPE_BUF and ready.poll(0) else 0

    def at_once(line: bytes) -> int:
        try:
            return os.pwritev(descriptor, (line,), -1, os.RWF_NOWAIT)
        except BlockingIOError:
            return 0
        except (OSError, NotImplementedError):  # of a named pipe, and before Linux 6.5
            return asked_first(line)

    return at_once if stat.S_ISFIFO(mode) and hasattr(os, "RWF_NOWAIT") else asked_first
