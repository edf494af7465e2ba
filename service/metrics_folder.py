"""The folder in which the processes of one run share what they count: made, held, and removed when nobody is left.

It lies where anybody may put something and where what looks old is removed: what is not there counts as empty, and what
belongs to somebody else is left alone.
"""

import fcntl
import os
import re
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "melanoserve-metrics-"
MERGING = "merging"
"""A file in it that who merges what is left of ended processes has locked, see `metrics_ended`."""
_LIVE = re.compile(r"gauge_live\w*_(\d+)\.db")


class HeldFolder:
    """The folder of a supervisor, which has a lock on it for as long as it lives, however it ends.

    What nobody has locked is left over, and removed by the next one that starts. systemd-tmpfiles passes over what is
    locked.
    """

    def __init__(self) -> None:
        """Makes one, and removes those whose supervisor was killed.

        Raises:
            OSError: There is no folder for temporary files, or nothing can be made in it.
        """
        for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            remove_if_left(path)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock: int | None = None
        self.hold()

    def hold(self) -> None:
        """Makes the folder again where somebody has removed it. Where that is not possible nothing is shared."""
        if self._lock is not None:
            if _is(self.path, self._lock):
                return
            os.close(self._lock)
            self._lock = None
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._lock = _locked(self.path)
            os.close(os.open(MERGING, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=self._lock))
        except OSError:
            return

    def close(self) -> None:
        """Removes it."""
        if is_own(self.path):
            shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def remove_if_left(folder: Path) -> None:
    """Removes a folder that is no longer used: no supervisor holds it, and no process shares anything in it."""
    try:
        lock = _locked(folder)
    except OSError:
        return
    try:
        if not alive(folder):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def is_own(folder: Path) -> bool:
    """Whether it is there and this user's: somebody else can have put one of that name, or a link, in its place."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def alive(folder: Path) -> list[int]:
    """The processes that write metrics; those that ended without a word are forgotten."""
    pids = {int(found[1]) for path in files(folder) if (found := _LIVE.fullmatch(path.name))}
    dead = {pid for pid in pids if stat_of(pid) is None}
    for pid in dead:
        forget(folder, pid)
    return sorted(pids - dead)


def forget(folder: Path, pid: int) -> None:
    """Takes a process that has ended, or is about to, out of the gauges. What it counted stays counted.

    Where it cannot be, as on a disk that the system has made read-only, it stays in them.
    """
    for path in files(folder):
        found = _LIVE.fullmatch(path.name)
        if found and int(found[1]) == pid:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def files(folder: Path) -> list[Path]:
    """Those with values that are there now; none where the folder is not, is not ours, or cannot be looked into."""
    try:
        return [path for path in folder.iterdir() if path.suffix == ".db"] if is_own(folder) else []
    except OSError:
        return []


def stat_of(pid: int) -> list[str] | None:
    """Fields 3 and on of /proc/PID/stat (the name before them may hold anything); None for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields


def _locked(folder: Path) -> int:
    """A descriptor that locks it for as long as it is open.

    Raises:
        OSError: It is not there or not ours, or somebody else has locked it.
    """
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(lock).st_uid != os.geteuid():
            raise PermissionError
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it locked before may have removed it meanwhile.
        if not _is(folder, lock):
            raise FileNotFoundError
    except OSError:
        os.close(lock)
        raise
    return lock


def _is(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.lstat(), os.fstat(descriptor))
    except OSError:
        return False
