from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.audit.address import Address
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import stamp
from service.audit.query import Filter, head_of, newest, oldest, reading
from tests.service.audit.trails import entry, meddle, verified

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def filled(address: Address, database: Database) -> Address:
    """Six rows, an hour between each and the next, every second one malignant."""
    for number in range(6):
        at, decision = stamp(NOON + timedelta(hours=number)), "malignant" if number % 2 else "benign"
        database.append([entry(number)._replace(at=at, decision=decision)])
    return address


def asked(address: Address, wanted: Filter) -> list[object]:
    with reading(address) as connection:
        return [row["request_id"] for row in oldest(connection, wanted)]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(), range(6)),
        (Filter(since=NOON + timedelta(hours=2)), range(2, 6)),
        (Filter(until=NOON + timedelta(hours=2)), range(2)),
        (Filter(decision="malignant"), range(1, 6, 2)),
        (Filter(decision="malignant", since=NOON + timedelta(hours=2)), (3, 5)),
        (Filter(request_id="r4"), (4,)),
        (Filter(status=422), ()),
    ],
)
def test_rows_fit_all_that_is_asked_the_oldest_first(filled: Address, wanted: Filter, numbers: range) -> None:
    assert asked(filled, wanted) == [f"r{number}" for number in numbers]


def test_pages_from_the_newest_on_have_every_row_once(filled: Address) -> None:
    with reading(filled) as connection:
        found, before = list[object](), None
        while page := newest(connection, Filter(), 4, before):
            found += [row["sequence"] for row in page]
            before = int(str(found[-1]))
        assert found == [6, 5, 4, 3, 2, 1]
        assert head_of(connection).sequence == 6


def test_what_is_read_is_one_state_and_keeps_nobody_from_writing(filled: Address, database: Database) -> None:
    with reading(filled) as connection:
        assert len(newest(connection, Filter(), 100)) == 6
        database.append([entry(6)])
        assert len(newest(connection, Filter(), 100)) == 6
    assert len(asked(filled, Filter())) == 7


@pytest.mark.parametrize("change", ["detail = 'no JSON'", "detail = NULL", "detail = '{}'", "at = 'yesterday'"])
def test_a_row_of_removal_that_somebody_wrote_into_is_a_fault_and_no_error(
    filled: Address, database: Database, change: str
) -> None:
    database.append([entry(6)._replace(event="pruned", detail='{"through": 0, "hash": ""}')])
    meddle(filled, f"UPDATE audit_entry SET {change} WHERE sequence = 7")
    found = verified(filled)
    assert not found.intact
    assert found.removal is None


def test_where_there_is_none_it_says_so_and_makes_none(address: Address) -> None:
    with pytest.raises(DatabaseFailed), reading(address) as connection:
        newest(connection, Filter(), 1)
    assert address.file is None or not address.file.exists()


def test_a_place_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseFailed, match="OSError File name too long"),
        reading(Address(f"sqlite:///{tmp_path / ('x' * 300)}")),
    ):
        pass
