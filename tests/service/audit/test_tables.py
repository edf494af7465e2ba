import pytest
from sqlalchemy import inspect, select

from service.audit.address import Address
from service.audit.database import Database
from service.audit.tables import engine_of, entries, heads


def test_what_is_read_has_the_columns_and_the_types_of_what_is_written(address: Address, database: Database) -> None:
    database.close()
    made = inspect(engine_of(address))
    for table in (entries, heads):
        written = {column["name"]: column["type"].python_type for column in made.get_columns(table.name)}
        assert {column.name: column.type.python_type for column in table.c}.items() <= written.items()
    assert list(entries.c.keys()) == [column["name"] for column in made.get_columns(entries.name)]


def test_of_a_transaction_that_fails_nothing_stays(address: Address, database: Database) -> None:
    database.close()
    engine = engine_of(address)

    def fail() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE audit_head SET sequence = 99")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with engine.connect() as connection:
        assert connection.execute(select(heads.c.sequence)).scalar() == 0
