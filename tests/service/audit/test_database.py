from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.postgres import Postgres
from service.audit.address import Address
from service.audit.chain import START
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import COLUMNS
from tests.service.audit.conftest import emptied
from tests.service.audit.trails import entry, meddle, rows, verified


def test_rows_come_back_as_they_were_written(address: Address, database: Database) -> None:
    assert database.head() == START
    written = [entry(number) for number in range(3)]
    database.append(written[:1])
    head = database.append(written[1:])
    assert [tuple(row[name] for name in COLUMNS) for row in rows(address)] == written
    assert [row["sequence"] for row in rows(address)] == [1, 2, 3]
    assert (head.sequence, database.head()) == (3, head)


def test_both_databases_hold_the_same_chain(tmp_path: Path, server: Postgres) -> None:
    written = [entry(number) for number in range(20)]
    heads = []
    for address in (Address(f"sqlite:///{tmp_path / 'audit.db'}"), emptied(server)):
        database = Database(address)
        heads.append(database.append(written))
        database.close()
    assert heads[0] == heads[1]


def test_several_who_write_at_once_make_one_chain(address: Address) -> None:
    def write(first: int) -> None:
        database = Database(address)
        for number in range(first, first + 10):
            database.append([entry(number), entry(number)])
        database.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(0, 400, 100)))
    found = verified(address)
    assert (found.intact, found.rows) == (True, 80)


def test_what_fails_writes_nothing_and_says_why_without_a_value(address: Address, database: Database) -> None:
    database.append([entry(1)])
    meddle(address, f"UPDATE audit_head SET sequence = 0, hash = '{START.hash}'")
    another = Database(address)
    with pytest.raises(DatabaseFailed, match=r"IntegrityError SQLITE_CONSTRAINT\w*|UniqueViolation 23505") as failed:
        another.append([entry(2)])
    another.close()
    assert "r2" not in str(failed.value)
    assert len(rows(address)) == 1


CUT = (
    "DELETE FROM audit_entry WHERE sequence > 2",
    "UPDATE audit_head SET sequence = 2, hash = (SELECT hash FROM audit_entry WHERE sequence = 2)",
)


def test_an_end_that_is_cut_off_meanwhile_is_not_gone_on_from(address: Address, database: Database) -> None:
    """The next rows would have the numbers of those that are gone, and the chain would be intact."""
    database.append([entry(number) for number in range(5)])
    meddle(address, *CUT)
    for _ in range(2):
        with pytest.raises(DatabaseFailed, match="it lacks rows that were written"):
            database.append([entry(5)])
        with pytest.raises(DatabaseFailed, match="it lacks rows that were written"):
            database.head()
    assert len(rows(address)) == 2


def test_an_end_that_is_another_of_the_same_length_is_not_gone_on_from(address: Address, database: Database) -> None:
    database.append([entry(number) for number in range(5)])
    meddle(address, *CUT)
    other = Database(address)
    other.append([entry(number) for number in range(10, 13)])
    other.close()
    assert verified(address).rows == 5
    with pytest.raises(DatabaseFailed, match="it lacks rows that were written"):
        database.append([entry(5)])


def test_what_others_wrote_is_gone_on_from(address: Address, database: Database) -> None:
    other = Database(address)
    for number in range(3):
        database.append([entry(number)])
        other.append([entry(number)])
    assert database.head() == other.head()
    other.close()
    assert verified(address).intact


def test_tables_of_newer_software_are_left_alone(address: Address, database: Database) -> None:
    database.close()
    meddle(address, "UPDATE audit_schema SET version_num = '9999'")
    with pytest.raises(DatabaseFailed, match="its tables are of revision 9999, this software knows 0001"):
        Database(address)


def test_the_head_is_proved_by_writing_it_and_stays_as_it_is(address: Address, database: Database) -> None:
    head = database.append([entry(1)])
    assert database.prove() == head == database.head()
    assert verified(address).intact


def test_a_server_that_only_reads_is_told_before_a_row_is_lost(server: Postgres) -> None:
    address = emptied(server)
    Database(address).close()
    meddle(address, "ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        database = Database(address)
        assert database.head() == START
        with pytest.raises(DatabaseFailed, match="ReadOnlySqlTransaction 25006"):
            database.prove()
        database.close()
    finally:
        meddle(address, "SET TRANSACTION READ WRITE", "ALTER DATABASE postgres RESET default_transaction_read_only")


def test_what_cannot_be_opened_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database, but long enough to be taken for the head of one" * 20)
    for place, reason in (
        (f"sqlite:///{tmp_path}", "IsADirectoryError Is a directory"),
        (f"sqlite:///{tmp_path}/file", "DatabaseError SQLITE_NOTADB"),
        (f"sqlite:///{tmp_path}/file/audit.db", "FileExistsError|NotADirectoryError"),
        (f"postgresql:///x?host={tmp_path}", "OperationalError .it cannot be reached."),
    ):
        with pytest.raises(DatabaseFailed, match=reason):
            Database(Address(place))


def test_a_server_that_went_away_is_told_and_found_again(server: Postgres) -> None:
    address = emptied(server)
    database = Database(address)
    head = database.append([entry()])
    server.stop()
    try:
        with pytest.raises(DatabaseFailed):
            database.append([entry()])
        database.close()
    finally:
        server.start()
    again = Database(address)
    assert again.head() == head
    again.close()
