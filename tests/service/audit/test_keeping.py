import logging
import time
from datetime import UTC, datetime, timedelta

import pytest

from service.audit import clock, witnessed
from service.audit.address import Address
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import stamp
from service.audit.keeping import PRUNE_SECONDS, Keeping
from service.audit.retention import AT_ONCE
from tests.service.audit.trails import entry, events, meddle, rows, verified

DAY = timedelta(days=1)

STEADY = (6.5, 5.6, 4.7, 3.8, 2.9, 2.0, 1.1, 0.2, 0)
"""Days ago: rows without a pause, in a service that keeps them for seven days; what is older than those is too old."""


class Wrong(datetime):
    """The system's clock, by some days."""

    days = 0.0

    @classmethod
    def now(cls, tz: object = None) -> "datetime":  # type: ignore[override]
        return datetime.now(UTC) + cls.days * DAY


@pytest.fixture(autouse=True)
def system(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> type[Wrong]:
    """What tells the time; right at first."""
    caplog.set_level(logging.INFO, "melanoserve")
    monkeypatch.setattr(Wrong, "days", 0.0)
    for asked in (clock, witnessed):
        monkeypatch.setattr(asked, "datetime", Wrong)
    return Wrong


def written(database: Database, *days_ago: float) -> None:
    now = datetime.now(UTC)
    database.append([entry(number)._replace(at=stamp(now - days * DAY)) for number, days in enumerate(days_ago)])


def opened(database: Database, days: int) -> Keeping:
    keeping = Keeping(days, 0.0)
    keeping.opened(database)
    return keeping


def test_it_is_due_when_it_is_open_and_then_once_an_hour(database: Database) -> None:
    keeping = Keeping(7, 5.0)
    assert not keeping.due(6.0)
    keeping.opened(database)
    assert keeping.due(6.0)
    assert keeping.turn(database, 6.0) is None
    assert not keeping.due(6.0 + PRUNE_SECONDS - 1)
    assert keeping.due(6.0 + PRUNE_SECONDS)


def test_more_than_go_at_once_are_due_at_once(database: Database) -> None:
    written(database, *[9] * (AT_ONCE + 1), *STEADY)
    keeping = opened(database, 7)
    for expected in (AT_ONCE, 1):
        assert keeping.due(1.0)
        removed = keeping.turn(database, 1.0)
        assert removed is not None
        assert removed.rows == expected
    assert not keeping.due(1.0)


def test_what_failed_is_tried_again_after_an_hour(address: Address, database: Database) -> None:
    written(database, 9, *STEADY)
    keeping = opened(database, 7)
    meddle(address, "ALTER TABLE audit_entry RENAME TO elsewhere")
    with pytest.raises(DatabaseFailed):
        keeping.turn(database, 1.0)
    assert not keeping.due(PRUNE_SECONDS)
    meddle(address, "ALTER TABLE elsewhere RENAME TO audit_entry")
    assert keeping.due(1.0 + PRUNE_SECONDS)
    assert keeping.turn(database, 1.0 + PRUNE_SECONDS) is not None


def test_what_is_removed_has_anchors_in_the_log(
    address: Address, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    written(database, 9, 9, 9, *STEADY)
    removed = opened(database, 7).turn(database, 1.0)
    assert removed is not None
    assert events(caplog, "audit_pruned") == [{"rows": 3, "through": 3, "sequence": 13, "stamped_ahead": 0}]
    assert events(caplog, "audit_head") == [{"sequence": 3, "hash": removed.through.hash}]
    assert verified(address, removed.through).intact


def test_a_clock_that_goes_ahead_for_a_moment_removes_nothing(
    address: Address, database: Database, system: type[Wrong], caplog: pytest.LogCaptureFixture
) -> None:
    written(database, 9, 1, 0)
    keeping = opened(database, 3650)
    system.days = 4015
    database.append([entry(3)._replace(at=stamp(system.now()))])
    assert keeping.turn(database, 1.0) is None
    assert len(rows(address)) == 4
    assert events(caplog, "audit_clock") == [{"days_apart": 4015, "days_unseen": 0, "skipped": "clocks_apart"}]


@pytest.mark.parametrize("days", [20, 4015])
def test_a_clock_that_was_ahead_before_and_after_a_start_removes_nothing(
    address: Address, database: Database, system: type[Wrong], caplog: pytest.LogCaptureFixture, days: int
) -> None:
    """What was written in the last five days is stamped by a clock that is ahead, and so is what is newest."""
    written(database, *range(25, 5, -1), *(day - days for day in range(5, -1, -1)))
    system.days = days
    assert opened(database, 30).turn(database, 1.0) is None
    assert len(rows(address)) == 26
    (told,) = events(caplog, "audit_clock")
    assert (told["days_apart"], told["skipped"]) == (0, None)


def test_a_clock_that_was_behind_at_first_makes_nothing_old(address: Address, database: Database) -> None:
    """A machine that does not know the time when it begins stamps its first rows decades ago."""
    written(database, 20_000, 20_000, 0)
    assert opened(database, 30).turn(database, 1.0) is None
    assert len(rows(address)) == 3


def test_a_service_that_was_off_removes_late(
    address: Address, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    written(database, 102, 98, *range(89, 0, -9), 3)
    keeping = opened(database, 97)
    for now in (1.0, 1.0 + PRUNE_SECONDS):
        keeping.turn(database, now)
    assert rows(address)[0]["request_id"] == "r1"
    assert events(caplog, "audit_clock") == [{"days_apart": 3, "days_unseen": 0, "skipped": None}]


def test_of_a_long_pause_before_the_start_a_tenth_of_what_is_kept_counts(
    address: Address, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Of 26 days 9.7 count: rows are removed as much later."""
    written(database, 115, 112, *range(106, 33, -9), 8, 0)
    opened(database, 97).turn(database, 1.0)
    assert rows(address)[0]["request_id"] == "r1"
    assert events(caplog, "audit_clock") == [{"days_apart": 0, "days_unseen": 16, "skipped": None}]


def test_a_pause_that_the_service_saw_itself_counts_in_full(
    address: Address, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(database, *(day + 40 for day in (9, *STEADY)))
    keeping = opened(database, 7)
    later = time.monotonic() + 40 * 86_400
    monkeypatch.setattr(time, "monotonic", lambda: later)
    keeping.turn(database, 1.0)
    assert [row["event"] for row in rows(address)] == ["quiet", "pruned"]


def test_a_service_that_has_nothing_to_record_says_once_a_day_that_it_runs(
    address: Address, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(database, 2)
    keeping = opened(database, 7)
    begun, now = time.monotonic(), datetime.now(UTC)
    for hour in range(0, 49, 4):
        monkeypatch.setattr(time, "monotonic", lambda hour=hour: begun + hour * 3600)
        for asked in (clock, witnessed):
            monkeypatch.setattr(asked, "datetime", at(now + timedelta(hours=hour - 48)))
        keeping.turn(database, hour * 3600.0)
    assert [row["event"] for row in rows(address)] == ["image", "quiet", "quiet"]
    assert verified(address).intact


def at(moment: datetime) -> type[datetime]:
    """A clock that stands still."""

    class Still(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return moment

    return Still


def test_an_empty_trail_stays_empty(address: Address, database: Database) -> None:
    opened(database, 7).turn(database, 1.0)
    assert rows(address) == []


def test_that_nothing_is_removed_is_told_once_a_day(
    database: Database, system: type[Wrong], caplog: pytest.LogCaptureFixture
) -> None:
    written(database, 9, *STEADY)
    keeping = opened(database, 7)
    system.days = 5
    for hour in range(30):
        assert keeping.turn(database, hour * PRUNE_SECONDS) is None
    assert len(events(caplog, "audit_clock")) == 2
    system.days = 0
    assert keeping.turn(database, 30 * PRUNE_SECONDS) is not None


def test_rows_from_the_future_go_with_the_others_and_are_told_of(
    address: Address, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    written(database, -5000, 9, 9, *STEADY)
    opened(database, 7).turn(database, 1.0)
    assert rows(address)[0]["request_id"] == "r3"
    assert events(caplog, "audit_pruned") == [{"rows": 3, "through": 3, "sequence": 13, "stamped_ahead": 1}]


def test_a_newest_row_from_the_future_does_not_move_the_clock(address: Address, database: Database) -> None:
    written(database, 9, 0, -4015)
    assert opened(database, 3650).turn(database, 1.0) is None
    assert len(rows(address)) == 3
