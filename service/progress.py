"""One request on its way: which phase it is in, how long each took, and whether anybody still wants its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Literal

from service.problems import ClientLeft, DeadlineExceeded, Problem

Phase = Literal["load", "receive", "wait", "decode", "run", "write", "record"]


class Progress:
    """Begins with `receive`. Work asks it between two phases, so that what nobody wants is not worked on any further.

    One thread after another uses it; `abandon` may be called from any.
    """

    def __init__(self, seconds: float) -> None:
        """Begins now.

        Args:
            seconds: After how many the answer is of no use.
        """
        self.begun = time.perf_counter()
        self.deadline = self.begun + seconds
        self.seconds: dict[Phase, float] = {}
        self._phase: Phase | None = "receive"
        self._since = self.begun
        self._reason: Callable[[], Problem] | None = None

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.deadline - time.perf_counter()

    def enter(self, phase: Phase) -> None:
        """Ends the phase that is running and begins another; a phase that is entered twice adds up.

        Raises:
            DeadlineExceeded: The deadline has passed.
            ClientLeft: Nobody waits any more.
        """
        now = self.begin(phase)
        if self._reason is not None:
            raise self._reason()
        if now > self.deadline:
            raise self.too_late()

    def begin(self, phase: Phase) -> float:
        """As `enter`, and never raises: of what is told to whoever still waits. Returns when."""
        now = time.perf_counter()
        self._end(now)
        self._phase = phase
        return now

    def rename(self, phase: Phase) -> None:
        """What is running is that phase, and was from its beginning."""
        self._phase = phase

    def finish(self) -> None:
        """Ends the last phase; what comes after it belongs to none."""
        self._end(time.perf_counter())
        self._phase = None

    def add(self, part: Progress) -> None:
        """Adds the phases of one image of a batch to those of the whole; to be called once that is over."""
        for phase, took in part.seconds.items():
            self._add(phase, took)

    def abandon(self, reason: ClientLeft | DeadlineExceeded) -> None:
        """The next phase is not entered."""
        # Made anew where it is raised: an exception that was raised holds all that was under way, and that holds this.
        self._reason = partial(type(reason), reason.detail)

    def too_late(self) -> DeadlineExceeded:
        """What to raise when the deadline has passed."""
        allowed = self.deadline - self.begun
        return DeadlineExceeded(f"No answer within {allowed:g} seconds; the image is not worked on any further.")

    def _end(self, now: float) -> None:
        if self._phase is not None:
            self._add(self._phase, now - self._since)
        self._since = now

    def _add(self, phase: Phase, took: float) -> None:
        # Bound anew and never changed: of a request whose client has left, the log looks at it while a thread goes on.
        self.seconds = self.seconds | {phase: self.seconds.get(phase, 0.0) + took}
