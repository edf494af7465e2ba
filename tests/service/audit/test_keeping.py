import logging
from datetime import UTC, datetime, timedelta

import pytest

from service.audit import clock
from service.audit.address import Address
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import stamp
from service.audit.keeping import PRUNE_SECONDS, Keeping
from service.audit.retention import AT_ONCE
from tests.service.audit.trails import entry, events, meddle, rows, verified

DAY = timedelta(days=1)


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
    monkeypatch.setattr(clock, "datetime", Wrong)
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
    written(database, *[9] * (AT_ONCE + 1), 0)
    keeping = opened(database, 7)
    for expected in (AT_ONCE, 1):
        assert keeping.due(1.0)
        removed = keeping.turn(database, 1.0)
        assert removed is not None
        assert removed.rows == expected
    assert not keeping.due(1.0)


def test_what_failed_is_tried_again_after_an_hour(address: Address, database: Database) -> None:
    written(database, 9, 0)
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
    written(database, 9, 9, 9, 0)
    removed = opened(database, 7).turn(database, 1.0)
    assert removed is not None
    assert events(caplog, "audit_pruned") == [{"rows": 3, "through": 3, "sequence": 5, "stamped_ahead": 0}]
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
    assert events(caplog, "audit_clock") == [{"days_apart": 4015, "skipped": "clocks_apart"}]


def test_a_clock_that_was_ahead_when_the_service_was_started_anew_removes_nothing(
    address: Address, database: Database, system: type[Wrong], caplog: pytest.LogCaptureFixture
) -> None:
    written(database, 9, 1, 0, -4015)
    system.days = 4015
    assert opened(database, 3650).turn(database, 1.0) is None
    assert len(rows(address)) == 4
    assert events(caplog, "audit_clock") == [{"days_apart": 0, "skipped": "long_pause"}]


def test_a_service_that_was_off_removes_late(
    address: Address, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    written(database, 102, 98, 3)
    keeping = opened(database, 97)
    for now in (1.0, 1.0 + PRUNE_SECONDS):
        keeping.turn(database, now)
    assert [row["request_id"] for row in rows(address)] == ["r1", "r2", None]
    assert events(caplog, "audit_clock") == [{"days_apart": 3, "skipped": None}]


def test_that_nothing_is_removed_is_told_once_a_day(
    database: Database, system: type[Wrong], caplog: pytest.LogCaptureFixture
) -> None:
    written(database, 9, 0)
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
    written(database, -5000, 9, 9, 0)
    opened(database, 7).turn(database, 1.0)
    assert [row["request_id"] for row in rows(address)] == ["r3", None]
    assert events(caplog, "audit_pruned") == [{"rows": 3, "through": 3, "sequence": 5, "stamped_ahead": 1}]


def test_a_newest_row_from_the_future_does_not_move_the_clock(address: Address, database: Database) -> None:
    written(database, 9, 0, -4015)
    assert opened(database, 3650).turn(database, 1.0) is None
    assert len(rows(address)) == 3
