import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from service.audit import database as module
from service.audit.address import Address
from service.audit.database import REVISION, Database, DatabaseFailed
from service.audit.migration import config, migrate
from service.audit.tables import engine_of
from tests.service.audit.trails import entry, rows


def described(address: Address) -> dict[str, list[str]]:
    """What the tables are."""
    found = inspect(engine_of(address))
    return {
        table: [f"{column['name']} {column['type']} {column['nullable']}" for column in found.get_columns(table)]
        + sorted(str(index["name"]) for index in found.get_indexes(table))
        + found.get_pk_constraint(table)["constrained_columns"]
        for table in ("audit_entry", "audit_head", "audit_schema")
    }


def test_alembic_makes_the_tables_that_the_service_makes(address: Address, database: Database) -> None:
    database.close()
    made = described(address)
    with engine_of(address).begin() as connection:
        command.downgrade(config(connection), "base")
        assert not inspect(connection).has_table("audit_entry")
    migrate(address)
    assert described(address) == made
    again = Database(address)
    assert again.append([entry()]).sequence == 1
    again.close()


def test_tables_that_alembic_took_away_are_made_again(address: Address, database: Database) -> None:
    database.close()
    with engine_of(address).begin() as connection:
        command.downgrade(config(connection), "base")
    Database(address).close()
    assert rows(address) == []


def test_alembic_changes_tables_of_an_older_revision(
    address: Address, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.close()
    monkeypatch.setattr(module, "REVISION", "0002")
    # There is no second revision yet, so that it is asked and finds nothing to do.
    with pytest.raises(DatabaseFailed, match="its tables are of revision 0001, this software knows 0002"):
        Database(address)


def test_the_revision_of_the_software_is_alembics_newest() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == REVISION
