"""A mark in the state folder for as long as a start loads models.

What crashes there ends the process, and every start after it. So a start that finds the mark of one that did not come
to its end has the versions tried in a process of their own first.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "loading"
"""The file's name. Whoever loads has a lock on it, which ends with the process, however that ends."""


@dataclass
class Mark:
    """Of one start."""

    left: bool
    """Whether one was left by a start that did not come to its end, and no other start is under way."""
    stays: bool = False
    """Whether this one is left for the next start, for what ended that one may still be there."""


@contextmanager
def marked(state: Path) -> Iterator[Mark]:
    """Marks the start until the block ends.

    Args:
        state: The state folder. Where it cannot be written nothing is marked.
    """
    file = state / MARK
    mark, descriptor = Mark(left=False), None
    with suppress(OSError):
        state.mkdir(parents=True, exist_ok=True)
        before = file.exists()
        descriptor = os.open(file, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        mark.left = before and _is_nobodys(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    try:
        yield mark
    finally:
        if not mark.stays:
            with suppress(OSError):
                file.unlink()
        if descriptor is not None:
            os.close(descriptor)


def _is_nobodys(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
