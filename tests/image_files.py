"""Bytes as the file that a command is given."""

from itertools import count
from pathlib import Path

_NUMBERS = count()


def file_of(folder: Path, data: bytes) -> Path:
    """A new file that holds them."""
    path = folder / f"{next(_NUMBERS):04}"
    path.write_bytes(data)
    return path
