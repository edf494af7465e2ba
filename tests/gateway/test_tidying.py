import time
from pathlib import Path

import pytest

from gateway import tidying
from gateway.queue import Queue
from gateway.tidying import EVEN_SECONDS, Tidying

DAY = 86_400.0


class Clocks:
    """Both that a process has: the one on the wall, and the one that only goes on."""

    def __init__(self) -> None:
        self.wall, self.steady = time.time(), 0.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def go(self, seconds: float) -> None:
        self.wall, self.steady = self.wall + seconds, self.steady + seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    found = Clocks()
    monkeypatch.setattr(tidying, "time", found)
    monkeypatch.setattr("gateway.queue.time", found)
    return found


@pytest.fixture
def queue(tmp_path: Path, clocks: Clocks) -> Queue:
    found = Queue(tmp_path)
    found.add("a", b"image")
    found.fail("a", "refused")
    return found


def test_what_was_kept_long_enough_goes(queue: Queue, clocks: Clocks) -> None:
    tidies = Tidying(queue, 7 * DAY)
    clocks.go(7 * DAY - 60)
    tidies.look()
    assert queue.spool.names() == ["a.image"]
    clocks.go(120)
    tidies.look()
    assert queue.spool.names() == []


def test_a_clock_that_is_ahead_for_a_while_removes_nothing(queue: Queue, clocks: Clocks) -> None:
    """As after a start without the time, and where somebody sets it."""
    clocks.wall += 3650 * DAY
    tidies = Tidying(queue, 7 * DAY)
    clocks.go(EVEN_SECONDS / 2)
    tidies.look()
    clocks.wall -= 3650 * DAY
    clocks.go(2 * EVEN_SECONDS)
    tidies.look()
    clocks.wall += 3650 * DAY
    tidies.look()
    clocks.wall -= 3650 * DAY
    tidies.look()
    assert queue.spool.names() == ["a.image"]
