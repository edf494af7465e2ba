import time
from datetime import UTC, datetime, timedelta

import pytest

from service.audit import clock as module
from service.audit.clock import Clock

MINUTE = timedelta(minutes=1)
"""A machine may stand still for some seconds between two looks at its clocks."""


class Ahead(datetime):
    """The system's clock, eleven years ahead."""

    @classmethod
    def now(cls, tz: object = None) -> "datetime":  # type: ignore[override]
        return datetime.now(UTC) + timedelta(days=4015)


def test_without_a_row_it_goes_on_from_where_it_began() -> None:
    times = Clock(None).read()
    assert times.apart < MINUTE
    assert abs(times.earlier - datetime.now(UTC)) < MINUTE


def test_the_known_moment_goes_on_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    clock = Clock(now - timedelta(days=2))
    later = time.monotonic() + 3600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    times = clock.read()
    assert abs(times.earlier - (now - timedelta(days=2) + timedelta(hours=1))) < MINUTE
    assert abs(times.later - now) < MINUTE


def test_a_clock_that_goes_ahead_is_the_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(datetime.now(UTC))
    monkeypatch.setattr(module, "datetime", Ahead)
    assert abs(clock.read().apart - timedelta(days=4015)) < MINUTE


def test_a_row_from_the_future_makes_nothing_old() -> None:
    now = datetime.now(UTC)
    times = Clock(now + timedelta(days=4015)).read()
    assert abs(times.earlier - now) < MINUTE
