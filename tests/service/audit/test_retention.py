import json
from datetime import UTC, datetime, timedelta

import pytest

from service.audit.address import Address
from service.audit.chain import Head
from service.audit.database import Database
from service.audit.entry import stamp
from service.audit.retention import doubtful, edge, prune, pruned_through
from tests.service.audit.trails import entry, meddle, rows, verified

NOW = datetime.now(UTC)
OLD = stamp(NOW - timedelta(days=40))


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def counted(database: Database, most: int) -> tuple[int, bool] | None:
    removed = prune(database, days_ago(30), most=most)
    return None if removed is None else (removed.rows, removed.more)


def test_only_a_beginning_goes_and_the_chain_is_verified_from_there(address: Address, database: Database) -> None:
    database.append([entry(number)._replace(at=OLD) for number in range(5)])
    anchor = database.append([entry(5)])
    database.append([entry(6)._replace(at=OLD)])
    removed = prune(database, days_ago(30))
    assert removed is not None
    assert (removed.rows, removed.through.sequence, removed.head, removed.more) == (5, 5, database.head(), False)
    left = rows(address)
    assert [row["sequence"] for row in left] == [6, 7, 8]
    assert left[-1]["event"] == "pruned"
    assert json.loads(str(left[-1]["detail"]))["through"] == 5
    assert left[-1]["times"] == 5
    assert verified(address, anchor).intact
    assert prune(database, days_ago(30)) is None
    assert len(rows(address)) == 3


def test_a_few_at_a_time_until_all_are_gone(address: Address, database: Database) -> None:
    database.append([entry(number)._replace(at=OLD) for number in range(7)])
    assert [counted(database, most=3) for _ in range(4)] == [(3, True), (3, True), (1, False), None]
    assert [row["event"] for row in rows(address)] == ["pruned"] * 3
    assert verified(address).intact


def test_a_beginning_that_was_removed_without_a_word_shows(address: Address, database: Database) -> None:
    database.append([entry(number)._replace(at=OLD) for number in range(5)])
    database.append([entry(5), entry(6)])
    prune(database, days_ago(30))
    meddle(address, "DELETE FROM audit_entry WHERE sequence = 6")
    assert verified(address).faults == ["rows 6 to 6 are missing"]


def test_where_the_row_at_the_cut_is_gone_the_one_before_it_is_the_last(address: Address, database: Database) -> None:
    database.append([entry(number)._replace(at=OLD) for number in range(5)])
    database.append([entry(5)])
    meddle(address, "DELETE FROM audit_entry WHERE sequence = 5")
    removed = prune(database, days_ago(30))
    assert removed is not None
    assert (removed.rows, removed.through.sequence) == (4, 4)
    assert verified(address).faults == ["rows 5 to 5 are missing"]


AHEAD = stamp(NOW + timedelta(days=5000))


@pytest.mark.parametrize("most", [2, 3, 2000])
def test_a_row_that_is_stamped_in_the_future_goes_with_those_around_it(
    address: Address, database: Database, most: int
) -> None:
    database.append([entry(number)._replace(at=AHEAD) for number in range(4)])
    database.append([entry(number)._replace(at=OLD) for number in range(4, 6)])
    database.append([entry(6)._replace(at=AHEAD), entry(7)._replace(at=OLD), entry(8)._replace(at=AHEAD), entry(9)])
    removed = []
    while one := prune(database, days_ago(30), most=most):
        removed.append(one)
    assert (sum(one.rows for one in removed), sum(one.ahead for one in removed)) == (8, 5)
    assert [row["request_id"] for row in rows(address) if row["event"] == "image"] == ["r8", "r9"]
    assert verified(address).intact


def test_rows_that_are_stamped_in_the_future_stay_until_those_behind_them_are_old(database: Database) -> None:
    database.append([entry(number)._replace(at=AHEAD) for number in range(4)])
    assert prune(database, days_ago(30), most=2) is None
    database.append([entry(4)])
    assert prune(database, days_ago(30), most=2) is None


def test_an_empty_trail_has_nothing_to_remove(database: Database) -> None:
    assert prune(database, NOW) is None
    assert edge(database, NOW) is None
    assert pruned_through('{"through": 3, "hash": "ab", "rows": 3}') == Head(3, "ab")


def test_where_old_rows_end_shows_whether_a_clock_was_wrong(database: Database) -> None:
    database.append([entry(0)._replace(at=OLD)])
    found = edge(database, days_ago(30))
    assert found is not None
    assert (found.old, found.kept) == (NOW - timedelta(days=40), None)
    assert not doubtful(found, NOW, timedelta(days=30))
    database.append([entry(1)._replace(at=AHEAD)])
    then = NOW + timedelta(days=5000)
    for kept in (400, 3650):
        found = edge(database, then - timedelta(days=kept), latest=then)
        assert found is not None
        assert found.kept == then
        assert doubtful(found, then, timedelta(days=kept))
