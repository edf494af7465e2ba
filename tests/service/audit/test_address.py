from pathlib import Path

import pytest

from service.audit.address import Address, WrongAddress, address_of, statements


def test_the_default_is_a_file_in_the_state_folder() -> None:
    assert address_of(None, Path("state")).file == Path("state/audit.db")
    assert address_of(None, Path("/var/state")).file == Path("/var/state/audit.db")
    assert address_of("sqlite:////var/audit.db", Path("state")).file == Path("/var/audit.db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_of_postgresql_libpq_gets_what_was_given(scheme: str) -> None:
    address = Address(f"{scheme}://melanoserve@db.example:5433/audit?sslmode=require")
    assert address.file is None
    assert address.libpq == "postgresql://melanoserve@db.example:5433/audit?sslmode=require"
    assert address.sqlalchemy == "postgresql+psycopg://"
    assert str(address) == "PostgreSQL"


@pytest.mark.parametrize(
    "url", ["", "audit.db", "sqlite://", "sqlite:///", "sqlite://host/x", "mysql://h/x", "sqlite:///x?mode=ro"]
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(WrongAddress, match="give sqlite:///PATH"):
        Address(url)


@pytest.mark.parametrize(
    "url",
    ["sqlite:///:memory:", "sqlite:///./:memory:", "sqlite:///:memory", "sqlite:///file::memory:", "sqlite:///file:x"],
)
def test_a_trail_that_is_in_no_file_is_refused(url: str) -> None:
    with pytest.raises(WrongAddress, match="must be in a file"):
        Address(url)


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:HIDDEN@h/x", "postgresql:///x?host=h&password=HIDDEN", "postgresql://h/x?sslpassword=HIDDEN"],
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(WrongAddress, match="PGPASSWORD") as refused:
        Address(url)
    assert "HIDDEN" not in str(refused.value)


def test_the_statements_of_a_revision_are_there() -> None:
    assert [statement.split()[0] for statement in statements("0001")] == ["CREATE"] * 5 + ["INSERT"]
