"""Versions are tried in a process of their own: the memory that this takes ends with it, and so does a crash.

`python -m service.trial_process DESCRIPTOR` is started by this module and by nobody else. It reads a `Task` from its
standard input and writes an `Outcome` after each trial, one to a line, to the descriptor.
"""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel

from model_store.errors import RefusedForNow, RefusedVersion, RuntimeUnavailable, StoreError
from model_store.store import Store
from service import log
from service.loading import load_and_try
from service.memory import return_memory
from service.settings import Settings

Key = tuple[str, int]

TRIAL_SECONDS = 120.0
"""A trial that takes longer is ended. TensorFlow alone takes ten seconds to import where a machine is busy."""
ORPHAN_SECONDS = TRIAL_SECONDS + 10.0
"""After so long the process ends by itself: whoever would have ended it was killed."""
FIRST_TO_GO = Path("/proc/self/oom_score_adj")
"""Where memory runs out, a trial ends, and not what answers."""
NICENESS = 19
"""Requests go first; of a trial that somebody waits for, they do not."""


class TrialEnded(RefusedForNow):
    """The process that tried the version ended before it could say how that went: it crashed, or took too long."""


class Task(BaseModel):
    """What the process is asked to do."""

    settings: Settings
    versions: tuple[Key, ...]
    niceness: int


class Outcome(BaseModel):
    """How one trial went; both are None if the version may answer."""

    refused: str | None = None
    unavailable: str | None = None
    passing: bool = False
    """Whether it was refused for now."""

    @property
    def error(self) -> RefusedVersion | RuntimeUnavailable | None:
        """What the trial raised."""
        if self.unavailable is not None:
            return RuntimeUnavailable(self.unavailable)
        refusal = RefusedForNow if self.passing else RefusedVersion
        return None if self.refused is None else refusal(self.refused)


class TrialProcess:
    """Starts such a process when there is something to try. To be used by one thread at a time, but for `close`."""

    def __init__(self, settings: Settings, niceness: int = NICENESS) -> None:
        """Starts nothing yet.

        Args:
            settings: Of the service.
            niceness: Added to that of the thread that has versions tried.
        """
        self._settings, self._niceness = settings, niceness
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._closed = False

    def tried(self, versions: Sequence[Key]) -> Iterator[tuple[Key, RefusedVersion | RuntimeUnavailable | None]]:
        """Tries versions one after the other, half a second each and half a second for the process; blocking.

        Yields:
            Each with what its trial raised. Of one that ends the process that is `TrialEnded`, and those after it are
            tried in the next process. After `close` nothing more comes.
        """
        left = list(versions)
        while left and not self._closed:
            try:
                for outcome in self._outcomes(tuple(left)):
                    yield left.pop(0), outcome.error
            except TrialEnded as error:
                if not self._closed:
                    yield left.pop(0), error

    def close(self) -> None:
        """Ends what is running, and starts nothing any more."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.kill()

    def _outcomes(self, versions: tuple[Key, ...]) -> Iterator[Outcome]:
        """What one process says; raises TrialEnded if it ends before it has said it of all of them."""
        said = 0
        try:
            with self._started() as (process, answers):
                if process.stdin is not None:
                    task = Task(settings=self._settings, versions=versions, niceness=self._niceness)
                    with suppress(BrokenPipeError):  # how it ended is said below
                        process.stdin.write(task.model_dump_json().encode())
                        process.stdin.close()
                for line in _lines(answers):
                    said += 1
                    yield Outcome.model_validate_json(line)
                    if said == len(versions):
                        return  # it is ended: a runtime may crash, or come to no end, while it is taken down
                status = process.wait(TRIAL_SECONDS)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise TrialEnded(f"Trying it took longer than {TRIAL_SECONDS:g} seconds.") from None
        except OSError as error:
            raise TrialEnded(f"It cannot be tried: {error.strerror or type(error).__name__}.") from error
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        raise TrialEnded(f"The process that tried it ended {how}.")

    @contextmanager
    def _started(self) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """The process, which does not outlive this, and the descriptor from which its outcomes are read."""
        answers, theirs = os.pipe()
        try:
            try:
                process = self._start(theirs)
            finally:
                os.close(theirs)
            with process:
                try:
                    yield process, answers
                finally:
                    process.kill()
        finally:
            os.close(answers)

    def _start(self, descriptor: int) -> subprocess.Popen[bytes]:
        with self._lock:
            self._running = process = subprocess.Popen(  # noqa: S603 - the same program
                [sys.executable, "-m", "service.trial_process", str(descriptor)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # whatever a runtime prints is no outcome
                stderr=log.descriptor(),
                pass_fds=[descriptor],
                # Ctrl-C is for the service, which ends this process. In a session of its own it would not give way:
                # Linux shares out processors among sessions first (autogroup, sched(7)), whatever their niceness.
                process_group=0,
            )
            if self._closed:
                process.kill()
            return process


def _lines(descriptor: int) -> Iterator[bytes]:
    """What is written there, line by line; raises TimeoutError where the next one takes too long."""
    ready, begun = select.poll(), b""
    ready.register(descriptor, select.POLLIN)
    while ready.poll(TRIAL_SECONDS * 1000):
        data = os.read(descriptor, 65536)
        if not data:
            return
        *lines, begun = (begun + data).split(b"\n")
        yield from lines
    raise TimeoutError


def main(descriptor: int) -> int:
    """Does its task; returns the exit status."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    os.nice(task.niceness)
    with suppress(OSError):  # not on every system
        FIRST_TO_GO.write_text("1000")
    log.configure(task.settings.log_level)
    store = Store(task.settings.store)
    with os.fdopen(descriptor, "w", encoding="utf-8") as answers:
        for name, version in task.versions:
            signal.setitimer(signal.ITIMER_REAL, ORPHAN_SECONDS)  # which ends it, whatever it is in the middle of
            answers.write(_outcome(store, name, version, task.settings).model_dump_json() + "\n")
            answers.flush()
            return_memory()
    return 0


def _outcome(store: Store, name: str, version: int, settings: Settings) -> Outcome:
    try:
        load_and_try(store.open(name, version), settings)
    except RuntimeUnavailable as error:
        return Outcome(unavailable=error.message)
    except StoreError as error:
        return Outcome(refused=error.message, passing=isinstance(error, RefusedForNow))
    return Outcome()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
