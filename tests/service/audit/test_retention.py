import json
from datetime import UTC, datetime, timedelta

from service.audit.address import Address
from service.audit.chain import START, Head
from service.audit.database import Database
from service.audit.entry import stamp
from service.audit.retention import prune, pruned_through
from tests.service.audit.trails import entry, meddle, rows, verified

NOW = datetime.now(UTC)
OLD = stamp(NOW - timedelta(days=40))


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def test_only_a_beginning_goes_and_the_chain_is_verified_from_there(address: Address, database: Database) -> None:
    database.append([entry(number)._replace(at=OLD) for number in range(5)])
    anchor = database.append([entry(5)])
    database.append([entry(6)._replace(at=OLD)])
    assert prune(database, days_ago(30)) == 5
    left = rows(address)
    assert [row["sequence"] for row in left] == [6, 7, 8]
    assert left[-1]["event"] == "pruned"
    assert json.loads(str(left[-1]["detail"]))["through"] == 5
    assert left[-1]["times"] == 5
    assert verified(address, anchor).intact
    assert prune(database, days_ago(30)) == 0
    assert len(rows(address)) == 3


def test_a_few_at_a_time_until_all_are_gone(address: Address, database: Database) -> None:
    database.append([entry(number)._replace(at=OLD) for number in range(7)])
    assert [prune(database, days_ago(30), most=3) for _ in range(4)] == [3, 3, 1, 0]
    assert [row["event"] for row in rows(address)] == ["pruned"] * 3
    assert verified(address).intact


def test_a_beginning_that_was_removed_without_a_word_shows(address: Address, database: Database) -> None:
    database.append([entry(number)._replace(at=OLD) for number in range(5)])
    database.append([entry(5), entry(6)])
    prune(database, days_ago(30))
    meddle(address, "DELETE FROM audit_entry WHERE sequence = 6")
    assert verified(address).faults == ["rows 6 to 6 are missing"]


def test_an_empty_trail_has_nothing_to_remove(database: Database) -> None:
    assert prune(database, NOW) == 0
    assert pruned_through(None) == START
    assert pruned_through('{"through": 3, "hash": "ab", "rows": 3}') == Head(3, "ab")
