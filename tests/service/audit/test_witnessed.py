from datetime import UTC, datetime, timedelta

import pytest

from service.audit.address import Address
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import stamp
from service.audit.witnessed import oldest_kept
from tests.service.audit.trails import entry, meddle

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def written(database: Database, *days_ago: float) -> None:
    database.append([entry(number)._replace(at=stamp(NOW - days * DAY)) for number, days in enumerate(days_ago)])


def days_kept(database: Database, kept: float, *, pause: float = 1, seen: float = 0) -> float:
    """Before how many days ago rows are too old."""
    before = oldest_kept(database, NOW - seen * DAY, seen * DAY, kept=kept * DAY, pause=pause * DAY)
    return round((NOW - before) / DAY, 6)


def test_without_a_pause_it_is_what_the_stamps_say(database: Database) -> None:
    written(database, *(day / 2 for day in range(40, -1, -1)))
    assert [days_kept(database, kept) for kept in (1, 7, 7.3)] == [1, 7, 7.3]


@pytest.mark.parametrize(("rows", "kept"), [((10, 4, 3, 2, 1, 0), 12), ((20, 19, 9, 8, 2, 1, 0), 21)])
def test_each_pause_counts_for_a_while(database: Database, rows: tuple[float, ...], kept: float) -> None:
    written(database, *rows)
    assert days_kept(database, 7) == kept


def test_what_is_within_the_while_counts_as_it_is(database: Database) -> None:
    written(database, 10, 7, 4, 1, 0)
    assert days_kept(database, 8, pause=3) == 8


def test_what_whoever_asks_saw_itself_is_no_pause(database: Database) -> None:
    written(database, 10, 9, 8, 2, 0)
    assert days_kept(database, 7, seen=8) == 7
    assert days_kept(database, 9.5, seen=8) == 9.5


def test_nothing_is_too_old_in_an_empty_trail(database: Database) -> None:
    assert days_kept(database, 7) == 7


def test_a_stamp_that_is_none_is_told(address: Address, database: Database) -> None:
    written(database, 2, 1, 0)
    meddle(address, "UPDATE audit_entry SET at = '2' WHERE sequence = 2")
    with pytest.raises(DatabaseFailed, match="a row has a time that is none"):
        days_kept(database, 7)
