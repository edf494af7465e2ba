"""What was measured of many requests, in columns: an hour of them must not slow down whoever sends them."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LOST = 0
"""Status of a request that got no answer: the connection ended, or it took longer than anybody waits."""

REFUSALS = (429, 503)
"""Statuses that say: not now."""

Floats = NDArray[np.float64]


class Samples:
    """Times of requests, in seconds of one clock, and what became of them."""

    def __init__(self) -> None:
        self._due, self._sent, self._done = array("d"), array("d"), array("d")
        self._status = array("i")
        self._retry = array("b")

    def __len__(self) -> int:
        return len(self._status)

    def add(self, *, due: float, sent: float, done: float, status: int, retry_after: bool = False) -> None:
        """Adds a request.

        Args:
            due: When it was meant to be sent.
            sent: When it was.
            done: When its answer was complete.
            status: Of the answer; LOST if there was none.
            retry_after: Whether the answer said when to come back.
        """
        self._due.append(due)
        self._sent.append(sent)
        self._done.append(done)
        self._status.append(status)
        self._retry.append(retry_after)

    @classmethod
    def joined(cls, parts: Iterable[Samples]) -> Samples:
        """All samples of several."""
        whole = cls()
        for part in parts:
            whole._due += part._due
            whole._sent += part._sent
            whole._done += part._done
            whole._status += part._status
            whole._retry += part._retry
        return whole

    @property
    def due(self) -> Floats:
        """When each was meant to be sent."""
        return np.array(self._due)

    @property
    def lag(self) -> Floats:
        """How much later than meant each was sent: large values say that the load was not what was asked for."""
        return np.subtract(self._sent, self._due)

    @property
    def done(self) -> Floats:
        """When each was answered."""
        return np.array(self._done)

    @property
    def status(self) -> NDArray[np.int32]:
        """How each was answered."""
        return np.array(self._status, np.int32)

    @property
    def retry_after(self) -> NDArray[np.bool_]:
        """Whether each answer said when to come back."""
        return np.array(self._retry, np.bool_)

    def seconds(self, *statuses: int) -> Floats:
        """From the moment each was meant to be sent to its answer: those with these statuses, or all."""
        taken: Floats = np.subtract(self._done, self._due)
        return taken[np.isin(self.status, statuses)] if statuses else taken

    def counts(self) -> dict[int, int]:
        """Status -> how many."""
        values, counts = np.unique(self.status, return_counts=True)
        return {int(value): int(count) for value, count in zip(values, counts, strict=True)}

    def rate(self) -> float:
        """Answers with status 200 a second, from the first request to the last answer."""
        good = self.done[self.status == 200]
        return len(good) / (good.max() - self.due.min()) if len(good) else 0.0

    def rate_between(self, begin: float, end: float) -> float:
        """Answers with status 200 a second, of those that came between two moments."""
        good = self.done[self.status == 200]
        return float(((good >= begin) & (good < end)).sum() / (end - begin))

    def write_csv(self, path: Path) -> None:
        """A line for each request; `due` counts from the first."""
        begun = self.due.min()
        rows = zip(self.due - begun, self.lag, self.seconds(), self._status, self._retry, strict=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["due", "lag", "seconds", "status", "retry_after"])
            for due, lag, taken, status, retry in rows:
                writer.writerow(
                    [f"{due:.4f}", f"{lag:.4f}", f"{taken:.4f}", "lost" if status == LOST else status, retry]
                )


def percentile(values: Sequence[float] | Floats, percent: float) -> float:
    """A percentile; NaN of nothing."""
    return float(np.percentile(values, percent)) if len(values) else float("nan")
