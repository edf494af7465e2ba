"""The parent: hands cases to children, and notices what becomes of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.cases import Case, build
from tests.fuzz.child import Bounds, Chunk, serve
from tests.fuzz.judge import Verdict
from tests.fuzz.report import Tally

PREPARE = "dermoscopy.prepare:prepare"
_TRACE_SHOWN = 2_000
_SLEEPING = "S"


class Finding(NamedTuple):
    """Something that a file must not do."""

    case: Case
    kind: str
    detail: str

    def save(self, folder: Path) -> Path:
        """Write the file, and beside it what was found."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.case.format}-{self.case.number}-{self.kind}.{self.case.format}"
        file.write_bytes(build(self.case))
        file.with_suffix(".txt").write_text(f"{self.case}\n{self.kind}\n{self.detail}\n", "utf-8")
        return file


def _death(exit_code: int | None) -> tuple[str, str]:
    """(kind, detail) of the end of a child."""
    if exit_code is None:
        return "hang", "it did not come back, and used no processor time either"
    if exit_code == -signal.SIGXCPU:
        return "hang", "it used up its processor time"
    name = signal.Signals(-exit_code).name if exit_code < 0 else f"exit status {exit_code}"
    return "crash", f"the process died: {name}"


class Child:
    """A child process and what has been seen of it."""

    def __init__(self, decode: str, bounds: Bounds, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._bounds = bounds
        self._connection, theirs = context.Pipe()
        self._trace = folder / f"trace-{threading.get_ident()}"
        self._process = context.Process(target=serve, args=(theirs, decode, bounds, self._trace), daemon=True)
        self._process.start()
        theirs.close()
        self.judged = 0
        self._settled: int | None = None
        self.growth = 0

    def judge(self, chunk: Chunk) -> Iterator[Verdict]:
        """The verdict on each case, in order; the last one is its death if it dies."""
        self._connection.send(chunk)
        for _ in range(chunk.count):
            answer = self._receive()
            self.judged += 1
            if answer is None:
                yield self._dead()
                return
            verdict, resident = answer
            self._weigh(resident)
            yield verdict

    def _receive(self) -> tuple[Verdict, int | None] | None:
        """What it sends, or None if it dies or waits for something that never comes."""
        try:
            before = self._activity()
            while not self._connection.poll(self._bounds.wall_seconds):
                # On a machine that does other things it may only be slow; too much processor time ends it by itself.
                now = self._activity()
                if now == before and now[0] == _SLEEPING:
                    return None
                before = now
            answer: tuple[Verdict, int | None] = self._connection.recv()
        except (EOFError, OSError):
            return None
        return answer

    def _activity(self) -> tuple[str, int, int]:
        """Its state, and the processor time that it has used so far in user and in kernel mode (proc(5))."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return fields[0], int(fields[11]), int(fields[12])

    def _dead(self) -> Verdict:
        self._process.join(1)
        kind, detail = _death(self._process.exitcode)
        self.stop()
        trace = self._trace.read_text("utf-8", "replace") if self._trace.exists() else ""
        return Verdict(kind, decoded=True, finding=f"{detail}\n{trace[-_TRACE_SHOWN:]}")

    def _weigh(self, resident: int | None) -> None:
        if resident is not None and self.judged >= self._bounds.settled_after:
            self._settled = self._settled or resident
            self.growth = resident - self._settled

    @property
    def alive(self) -> bool:
        """Whether it can be given another chunk."""
        return self._process.is_alive()

    def stop(self) -> None:
        """End it; more than once is no harm."""
        self._process.kill()
        self._process.join()
        self._connection.close()


@dataclass
class Runner:
    """Runs chunks of cases in several children at once.

    Attributes:
        decode: `module:function` of the decoder.
        bounds: What a child may take.
        workers: How many children.
        report: Is told of every finding at once, in one thread at a time.
    """

    decode: str = PREPARE
    bounds: Bounds = field(default_factory=Bounds)
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    report: Callable[[Finding], None] = lambda _: None
    tally: Tally = field(default_factory=Tally)
    findings: list[Finding] = field(default_factory=list)
    growth: int = 0

    def run(self, chunks: Iterable[Chunk]) -> None:
        """Judge every case; `tally`, `findings` and `growth` are kept up while it runs.

        Args:
            chunks: Taken one by one as children are free, so an endless iterable may end by the clock. After a Ctrl-C
                no more are taken.
        """
        self._chunks = iter(chunks)
        self._lock = threading.Lock()
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(self.workers) as threads:
            working = [threads.submit(self._work, Path(folder)) for _ in range(self.workers)]
            try:
                for work in working:
                    work.result()
            except KeyboardInterrupt:
                self._chunks = iter(())

    def _next(self) -> Chunk | None:
        with self._lock:
            return next(self._chunks, None)

    def _work(self, folder: Path) -> None:
        child = Child(self.decode, self.bounds, folder)
        try:
            while (chunk := self._next()) is not None:
                last = chunk.first + chunk.count
                number = chunk.first
                while number < last:
                    if not child.alive:
                        child.stop()
                        child = Child(self.decode, self.bounds, folder)
                    for verdict in child.judge(Chunk(chunk.format, number, last - number)):
                        self._note(Case(chunk.format, number), verdict)
                        number += 1
                self._note_growth(Case(chunk.format, number - 1), child)
        finally:
            child.stop()

    def _note(self, case: Case, verdict: Verdict) -> None:
        with self._lock:
            self.tally.add(case.format, verdict)
            if verdict.finding is not None:
                self._found(Finding(case, verdict.outcome, verdict.finding))

    def _note_growth(self, case: Case, child: Child) -> None:
        with self._lock:
            self.growth = max(self.growth, child.growth)
            if child.growth > self.bounds.growth:
                detail = f"resident memory grew by {child.growth / 1e6:.0f} MB over {child.judged} cases"
                self._found(Finding(case, "growth", detail))
                child.stop()

    def _found(self, finding: Finding) -> None:
        self.findings.append(finding)
        self.report(finding)
