"""Files that survive the loss of power from the moment that they were written, and that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path

PARTIAL = ".partial"


class Spool:
    """A folder of small files, each there as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder if need be."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Writes or replaces a file; when this returns, it is on the disk.

        Raises:
            OSError: It is not, for want of room for example; what was there before is unchanged.
        """
        partial = self.folder / (name + PARTIAL)
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.folder / name)
        finally:
            partial.unlink(missing_ok=True)
        self._sync()

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            FileNotFoundError: There is none.
        """
        return (self.folder / name).read_bytes()

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / name).is_file()

    def size(self, name: str) -> int:
        """Bytes of a file.

        Raises:
            FileNotFoundError: There is none.
        """
        return (self.folder / name).stat().st_size

    def remove(self, name: str) -> None:
        """Removes a file if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Every file, half written ones included."""
        return [path.name for path in self.folder.iterdir()]

    def _sync(self) -> None:
        """A new name is only on the disk once its folder is."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
