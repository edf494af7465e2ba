"""Connections to a real PostgreSQL, for who writes and for who reads."""

import pytest

from benchmarks.postgres import Postgres
from service.audit.address import Address
from service.audit.database import Database, DatabaseFailed
from service.audit.postgresql import connect, connect_writer
from tests.service.audit.conftest import emptied
from tests.service.audit.trails import entry, meddle, rows, verified


def test_a_server_that_is_set_to_answer_early_does_not(server: Postgres) -> None:
    address = emptied(server)
    meddle(address, "ALTER DATABASE postgres SET synchronous_commit = off")
    try:
        database = Database(address)
        assert database.execute("SHOW synchronous_commit").fetchone() == ("on",)
        database.close()
    finally:
        meddle(address, "ALTER DATABASE postgres RESET synchronous_commit")


@pytest.mark.parametrize("by", ["address", "variable"])
def test_a_schema_of_the_address_or_the_environment_is_that_of_who_writes_and_of_who_reads(
    server: Postgres, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    address = emptied(server)
    meddle(address, "DROP SCHEMA IF EXISTS clinic CASCADE", "CREATE SCHEMA clinic")
    if by == "address":
        address = Address(f"{server.url}&options=-csearch_path%3Dclinic")
    else:
        monkeypatch.setenv("PGOPTIONS", "-c search_path=clinic")
    database = Database(address)
    database.append([entry(1)])
    assert database.execute("SHOW statement_timeout").fetchone() == ("5s",)
    database.close()
    assert [row["request_id"] for row in rows(address)] == ["r1"]
    assert verified(address).intact
    monkeypatch.delenv("PGOPTIONS", raising=False)
    meddle(Address(server.url), "SELECT 1 FROM clinic.audit_entry", "DROP SCHEMA clinic CASCADE")


def test_of_several_servers_the_one_that_answers_is_written_to_and_read(server: Postgres) -> None:
    emptied(server)
    address = Address(f"postgresql://:5432,:5432/postgres?host={server.folder}/away,{server.folder}&user=postgres")
    database = Database(address)
    database.append([entry(1)])
    database.close()
    assert [row["request_id"] for row in rows(address)] == ["r1"]


def test_who_waits_for_a_server_that_vanished_does_not_wait_for_hours(server: Postgres) -> None:
    """By default the system looks after a silent connection after two hours."""
    address = emptied(server)
    writing, reading = connect_writer(address, 5.0), connect(address)
    for connection in (writing, reading):
        with connection:
            told = connection.info.get_parameters()
            assert int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"]) == 25
            assert told["tcp_user_timeout"] == "5000"
    with connect(Address(f"{server.url}&keepalives_idle=60&application_name=clinic")) as connection:
        told = connection.info.get_parameters()
        assert (told["keepalives_idle"], told["application_name"]) == ("60", "clinic")


def test_who_reads_waits_for_who_has_a_table_to_himself_for_seconds(server: Postgres) -> None:
    address = emptied(server)
    Database(address).close()
    alone = connect(address)
    try:
        alone.execute("LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseFailed, match="LockNotAvailable 55P03"):
            rows(address)
    finally:
        alone.close()
    assert rows(address) == []
