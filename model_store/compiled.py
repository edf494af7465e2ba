"""Compiled models, kept between starts: one is read in a fifth of the time that its SavedModel is read and compiled in.

What is kept is no part of a version and never needed. It is used for the version, precision, runtime and processor
that it was made for, if not a bit of it changed, and the version still has to prove itself on its golden images.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

KEPT = 16
"""The least recently used of more is removed; one takes about as much as its SavedModel."""

_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700
_SUFFIX = ".compiled"
_SUM_BYTES = hashlib.sha256().digest_size


class CompiledModels:
    """The compiled models of one version in a folder that versions, and processes, share."""

    def __init__(self, folder: Path, digest: str, *, anew: bool = False) -> None:
        """Touches nothing yet.

        Args:
            folder: Made when something is to be kept. Whoever may write into it is trusted as the program itself is.
            digest: Of the version, `StoredVersion.digest`.
            anew: Reads nothing, so that everything is compiled again and takes the place of what is there.
        """
        self.folder, self._digest, self._anew = folder, digest, anew
        self.used = False
        """Whether `read` gave anything."""

    def read(self, made_for: str) -> bytes | None:
        """What was kept; None if nothing was, or if it is not what was written.

        Args:
            made_for: All that it depends on beside the version.
        """
        path = self._path(made_for)
        if self._anew:
            return None
        try:
            with path.open("rb") as file:
                kept_sum, compiled = file.read(_SUM_BYTES), file.read()
        except OSError:
            return None
        with suppress(OSError):  # a folder that cannot be written loses nothing either
            os.utime(path)
        if kept_sum != self._sum(made_for, compiled):
            return None
        self.used = True
        return compiled

    def write(self, made_for: str, compiled: bytes | memoryview) -> None:
        """Keeps it, readable for this user only, and removes what was not used for longest.

        Raises:
            OSError: The folder cannot be written, or the folder that it belongs into is not there.
        """
        self.folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        path = self._path(made_for)
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "wb") as file:
                file.write(self._sum(made_for, compiled))
                file.write(compiled)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        for old in sorted(self.folder.glob(f"*{_SUFFIX}"), key=_last_used, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)

    def _path(self, made_for: str) -> Path:
        return self.folder / (hashlib.sha256(f"{self._digest} {made_for}".encode()).hexdigest()[:32] + _SUFFIX)

    def _sum(self, made_for: str, compiled: bytes | memoryview) -> bytes:
        """Also of what it was made for, so that a file under another's name is not taken for it."""
        found = hashlib.sha256(f"{self._digest} {made_for}\n".encode())
        found.update(compiled)
        return found.digest()


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process removed it
        return 0.0
