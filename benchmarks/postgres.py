"""A PostgreSQL server of one's own, in a folder of its own, on a socket in it: for the benchmarks and the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STARTS_WITHIN_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_USER = "postgres"
_DEBIAN = Path("/usr/lib/postgresql")


class NoPostgres(Exception):
    """It is not installed, or does not start."""


def programs() -> Path | None:
    """The folder of its programs, the newest; None if it is not installed."""
    found = shutil.which("initdb")
    places = [*_DEBIAN.glob("*/bin/initdb"), *([] if found is None else [Path(found).resolve()])]
    # Debian names the folder by the version.
    return max((place.parent for place in places if (place.parent / "postgres").exists()), default=None, key=_version)


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


@dataclass
class Postgres:
    """A running server. `url` has no password: whoever reaches the socket is trusted."""

    programs: Path
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of its database, for MELANOSERVE_AUDIT_URL."""
        return f"postgresql:///postgres?host={self.folder}&user={_USER}"

    def start(self) -> None:
        """Starts it and waits until it answers.

        Raises:
            NoPostgres: It does not.
        """
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            _as_user(self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-h", ""),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asked = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder), "-U", _USER]
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while subprocess.run(asked, check=False).returncode:  # noqa: S603 - see above
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise NoPostgres("PostgreSQL does not start")
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """Ends it at once, as a crash would; what it had committed is there after the next start."""
        if self.process is not None:
            # Its processes all end: they see that the first of them is gone.
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server with an empty database; with fsync on, as it is delivered.

    Raises:
        NoPostgres: It is not installed, or does not start.
    """
    found = programs()
    if found is None:
        raise NoPostgres("PostgreSQL is not installed: its programs are neither in PATH nor in /usr/lib/postgresql")
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(  # noqa: S603 - our own command line
            _as_user(found / "initdb", "-D", folder / "data", "-A", "trust", "-U", _USER, "--no-sync", "-E", "UTF8"),
            cwd=folder,
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise NoPostgres(f"initdb fails: {made.stderr.decode(errors='replace')[-300:]}")
        server = Postgres(found, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _as_user(*command: str | Path) -> list[str]:
    """The command, as somebody else than root, who may not run it."""
    become = [] if os.geteuid() else ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]
    return [*become, *map(str, command)]
