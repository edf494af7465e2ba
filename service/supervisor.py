"""Several serving processes on one port: started, watched, replaced when they die, and stopped together."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from service import log
from service.metrics_processes import forget
from service.settings import Settings
from service.worker import Launch

LOOK_SECONDS = 0.1
LEAST_LIFE_SECONDS = 5.0
"""One that dies sooner is replaced only after this long: what kills it may be the same again."""


class Supervisor:
    """Owns the listening socket; the kernel gives each connection to one of the processes that accept from it."""

    def __init__(self, settings: Settings, listener: socket.socket, *, keys_required: bool) -> None:
        self._settings = settings
        self._keys_required = keys_required
        self._listener = listener
        self._stop: int | None = None
        self._born: dict[subprocess.Popen[bytes], float] = {}

    def run(self) -> int:
        """Serves until a signal comes; returns the exit status: 0 if every process ended well."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        with tempfile.TemporaryDirectory(prefix="melanoserve-metrics-") as folder:
            launch = self._launch(Path(folder))
            for _ in range(self._settings.processes):
                self._start(launch)
            while self._stop is None:
                self._replace_the_dead(launch, Path(folder))
                time.sleep(LOOK_SECONDS)
            # From here on the last process that closes the port closes it for all.
            self._listener.close()
            for process in self._born:
                process.send_signal(self._stop)
            statuses = [process.wait() for process in self._born]
        return 0 if not any(statuses) else 1

    def _told(self, number: int, _: FrameType | None) -> None:
        self._stop = number

    def _launch(self, folder: Path) -> str:
        handed = Launch(
            listener=self._listener.fileno(),
            metrics_folder=folder,
            keys_required=self._keys_required,
            settings=self._settings,
        )
        return handed.model_dump_json()

    def _start(self, launch: str) -> None:
        command = [sys.executable, "-m", "service.worker", launch]
        # A group of its own: Ctrl-C reaches this process alone, which passes it on.
        process = subprocess.Popen(  # noqa: S603 - the same program
            command,
            pass_fds=[self._listener.fileno()],
            # What this process calls stderr; the descriptor of that number leads nowhere (see `log`).
            stderr=sys.stderr,
            start_new_session=True,
        )
        self._born[process] = time.monotonic()
        log.event("process_started", pid=process.pid)

    def _replace_the_dead(self, launch: str, folder: Path) -> None:
        for process, born in list(self._born.items()):
            status = process.poll()
            if status is None or time.monotonic() - born < LEAST_LIFE_SECONDS:
                continue
            del self._born[process]
            forget(folder, process.pid)
            log.event("process_died", pid=process.pid, status=status)
            self._start(launch)
