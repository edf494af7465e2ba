"""Several serving processes on one port: started, watched, replaced when they die, and stopped together."""

import contextlib
import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from service import log
from service.keys import KeyRing
from service.listener import refuse_new
from service.metrics_ended import merge_ended
from service.metrics_folder import HeldFolder, forget
from service.settings import Settings
from service.stopping import Stop
from service.worker import Launch

LOOK_SECONDS = 0.1
END_LOOK_SECONDS = 0.02
"""Shorter than `SETTLE_SECONDS`, which the processes give this one to close the port to newcomers."""
OVERDUE_SECONDS = 10.0
"""One that has not ended so long after it should have is killed."""
LEAST_LIFE_SECONDS = 5.0
"""One that dies sooner is replaced only after this long: what kills it may be the same again."""
MANY_DEATHS = 3
"""So many for each process, within `MANY_DEATHS_SECONDS`, are no accident."""
MANY_DEATHS_SECONDS = 300.0


class Supervisor:
    """Owns the listening socket; the kernel gives each connection to one of the processes that accept from it."""

    def __init__(self, settings: Settings, listener: socket.socket, stop: Stop, *, keys_required: bool) -> None:
        """Prepares to serve.

        Args:
            settings: Checked ones.
            listener: The port, open.
            stop: Hears the signals.
            keys_required: Whether API keys are demanded even if their file is gone by now.
        """
        self._settings = settings
        # Looked at all the time: a process that begins later must know of a key that came and went before it.
        self._keys = KeyRing(settings.key_file, required=keys_required)
        self._listener = listener
        self._signals = stop.signals
        self._born: dict[subprocess.Popen[bytes], float] = {}
        self._missing, self._start_at = 0, 0.0
        self._merged = True
        self._deaths: deque[float] = deque(maxlen=MANY_DEATHS * settings.processes)

    def run(self) -> int:
        """Serves until a signal comes; returns the exit status: 0 if every process ended well."""
        with contextlib.closing(HeldFolder()) as folder:
            for _ in range(self._settings.processes):
                self._start(folder.path)
            while not self._signals:
                folder.hold()
                self._keys.look()
                self._replace_the_dead(folder.path)
                time.sleep(LOOK_SECONDS)
            self._end()
        # One that was still being started ends by the signal itself: nothing was under way.
        well = {0, -self._signals[0], -signal.SIGINT}
        return 0 if all(process.returncode in well for process in self._born) else 1

    def _end(self) -> None:
        """Passes signals on, a second one as SIGINT (see `Server.handle_exit`), closes the port when the processes do,
        and waits for them, but not for ever."""
        drain = self._settings.drain_seconds if self._signals[0] == signal.SIGTERM else 0.0
        begun, passed_on, open_ = time.monotonic(), 0, True
        while running := [process for process in self._born if process.poll() is None]:
            for number in self._signals[passed_on:]:
                for process in running:
                    process.send_signal(signal.SIGINT if passed_on else number)
                passed_on += 1
            waited = time.monotonic() - begun
            if open_ and (waited >= drain or passed_on > 1):
                open_ = False
                refuse_new(self._listener)
                # From here on the last process that closes the port closes it for all.
                self._listener.close()
            if waited > drain + self._settings.shutdown_seconds + OVERDUE_SECONDS:
                for process in running:
                    log.event("process_overdue", logging.ERROR, pid=process.pid)
                    process.kill()
            time.sleep(END_LOOK_SECONDS)

    def _launch(self, folder: Path) -> bytes:
        handed = Launch(
            supervisor=os.getpid(),
            listener=self._listener.fileno(),
            metrics_folder=folder,
            keys_required=self._keys.configured,
            settings=self._settings,
        )
        return handed.model_dump_json().encode()

    def _start(self, folder: Path) -> None:
        launch = self._launch(folder)
        # A group of its own: Ctrl-C reaches this process alone, which passes it on.
        process = subprocess.Popen(
            [sys.executable, "-m", "service.worker"],
            stdin=subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
            # What this process calls stderr; the descriptor of that number leads nowhere (see `log`).
            stderr=sys.stderr,
            start_new_session=True,
        )
        self._born[process] = time.monotonic()
        # Not as an argument, which everybody on the machine can read: an address may have a password in it.
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as handed:
                handed.write(launch)
        log.event("process_started", pid=process.pid)

    def _replace_the_dead(self, folder: Path) -> None:
        for process, born in list(self._born.items()):
            status = process.poll()
            if status is None or time.monotonic() - born < LEAST_LIFE_SECONDS:
                continue
            del self._born[process]
            forget(folder, process.pid)
            log.event("process_died", logging.WARNING, pid=process.pid, status=status)
            self._tell_of_many_deaths(status)
            self._missing += 1
            self._merged = False
        if not self._merged:
            self._merged = merge_ended(folder, {process.pid for process in self._born})
        self._start_missing(folder)

    def _start_missing(self, folder: Path) -> None:
        """Starts those that are to replace others. Where that is not possible now, the others go on."""
        try:
            while self._missing and time.monotonic() >= self._start_at:
                self._start(folder)
                self._missing -= 1
        except OSError as error:
            self._start_at = time.monotonic() + LEAST_LIFE_SECONDS
            log.event("process_not_started", logging.ERROR, error=errno.errorcode.get(error.errno or 0))

    def _tell_of_many_deaths(self, status: int) -> None:
        """One that dies is replaced, and hardly anybody notices; if that never ends, perhaps nobody is served."""
        now = time.monotonic()
        self._deaths.append(now)
        seconds = now - self._deaths[0]
        if len(self._deaths) == self._deaths.maxlen and seconds <= MANY_DEATHS_SECONDS:
            died = len(self._deaths)
            log.event("processes_keep_dying", logging.ERROR, died=died, seconds=round(seconds), status=status)
            self._deaths.clear()
