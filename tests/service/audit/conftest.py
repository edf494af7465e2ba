"""The trail in SQLite and in a real PostgreSQL, and rows to put in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.postgres import NoPostgres, Postgres, postgres
from service.audit.address import Address
from service.audit.database import Database


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A PostgreSQL server that tests share; who stops it starts it again."""
    try:
        with postgres() as started:
            yield started
    except NoPostgres as error:
        pytest.skip(f"PostgreSQL: {error}")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """An empty trail, in each of the two."""
    if request.param == "sqlite":
        return Address(f"sqlite:///{tmp_path / 'audit.db'}")
    return emptied(request.getfixturevalue("server"))


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    """Opened."""
    opened = Database(address)
    yield opened
    opened.close()


def emptied(server: Postgres) -> Address:
    """The server's database without tables."""
    import psycopg  # noqa: PLC0415 - an extra

    with psycopg.connect(Address(server.url).libpq, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return Address(server.url)
