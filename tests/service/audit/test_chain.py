from pathlib import Path

import pytest

from service.audit.address import Address
from service.audit.chain import FIELDS, FORMAT, START, Head, seal
from service.audit.database import Database
from service.audit.entry import COLUMNS, Entry
from tests.service.audit.trails import entry, meddle, verified

TEN = [entry(number) for number in range(1, 11)]

AFTER = "UPDATE audit_head SET sequence = 8, hash = (SELECT hash FROM audit_entry WHERE sequence = 8)"

MEDDLING = [
    (["UPDATE audit_entry SET decision = 'malignant' WHERE sequence = 4"], "row 4 was changed"),
    (["UPDATE audit_entry SET probability = 0.5714285714285715 WHERE sequence = 4"], "row 4 was changed"),
    (["UPDATE audit_entry SET code = '' WHERE sequence = 4"], "row 4 was changed"),
    (["DELETE FROM audit_entry WHERE sequence IN (4, 5)"], "rows 4 to 5 are missing"),
    (["DELETE FROM audit_entry WHERE sequence = 1"], "rows 1 to 1 are missing"),
    (["DELETE FROM audit_entry WHERE sequence > 8"], "rows 9 to 10 are missing at the end"),
    (["DELETE FROM audit_entry"], "rows 1 to 10 are missing at the end"),
    (["DELETE FROM audit_entry WHERE sequence = 4", "UPDATE audit_entry SET sequence = 4 WHERE sequence = 5"],
     "row 4 does not follow row 3"),
    (["UPDATE audit_head SET sequence = 9"], "the head is row 9, and the last row is 10"),
    (["DELETE FROM audit_head"], "the head was changed"),
    (["INSERT INTO audit_head SELECT * FROM audit_head"], "the head was changed"),
    (["UPDATE audit_entry SET probability = 'Infinity' WHERE sequence = 4"], "row 4 was changed"),
    (["UPDATE audit_entry SET format = 2 WHERE sequence = 4"], "row 4 has the format 2"),
]  # fmt: skip


@pytest.fixture
def head(database: Database) -> Head:
    return database.append(TEN)


def test_what_was_written_is_intact(address: Address, head: Head) -> None:
    found = verified(address, head)
    assert (found.intact, found.rows, found.first, found.last) == (True, 10, 1, head)


@pytest.mark.parametrize(("statements", "fault"), MEDDLING)
def test_whatever_is_meddled_with_shows(address: Address, head: Head, statements: list[str], fault: str) -> None:
    meddle(address, *statements)
    found = verified(address)
    assert not found.intact
    assert any(line.startswith(fault) for line in found.faults), found.faults


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit_entry SET probability = 9e999 WHERE sequence = 4", "row 4 was changed"),
        ("UPDATE audit_entry SET code = x'ff' WHERE sequence = 4", "row 4 was changed"),
        ("UPDATE audit_entry SET code = CAST(x'ff' AS TEXT) WHERE sequence = 4", "row 4 was changed"),
        ("UPDATE audit_entry SET format = 'x' WHERE sequence = 4", "row 4 has the format x"),
        ("UPDATE audit_entry SET sequence = 'x' WHERE sequence = 4", "a row has the number 'x'"),
        ("UPDATE audit_head SET sequence = 'x'", "the head was changed"),
    ],
)
def test_a_file_that_holds_what_no_column_can_shows_too(tmp_path: Path, statement: str, fault: str) -> None:
    address = Address(f"sqlite:///{tmp_path / 'audit.db'}")
    database = Database(address)
    database.append(TEN)
    database.close()
    meddle(address, statement)
    assert fault in " ".join(verified(address).faults)


def test_an_end_that_is_cut_off_with_the_head_shows_by_an_anchor_alone(address: Address, head: Head) -> None:
    meddle(address, "DELETE FROM audit_entry WHERE sequence > 8", AFTER)
    assert verified(address).intact
    assert verified(address, head).faults == ["row 10 was kept elsewhere and is not there: the end was removed"]


def test_a_chain_that_was_computed_anew_shows_by_an_anchor_alone(address: Address, head: Head) -> None:
    meddle(address, "DELETE FROM audit_entry", f"UPDATE audit_head SET sequence = 0, hash = '{START.hash}'")
    database = Database(address)
    database.append([TEN[0]._replace(decision="malignant"), *TEN[1:]])
    database.close()
    assert verified(address).intact
    assert "row 10 is not the one whose hash was kept" in verified(address, head).faults[0]


def test_faults_are_not_told_without_end(address: Address, database: Database) -> None:
    database.append([entry(number) for number in range(100)])
    meddle(address, "UPDATE audit_entry SET status = 500")
    assert len(verified(address).faults) == 20


def test_the_hash_covers_every_column_and_its_place() -> None:
    base = Entry("2026-11-26T00:00:00.000000Z", "image")
    hashes = {seal(START, [*base[:place], "x", *base[place + 1 :]]).hash for place in range(len(base))}
    assert len(hashes) == len(COLUMNS)
    assert FIELDS[FORMAT] == COLUMNS


def test_the_hash_of_format_1_never_changes() -> None:
    """A trail that was written once must be verified for ever: a new column is a new format."""
    row = Entry("2026-11-26T01:16:49.123456Z", "image", request_id="r", status=200, probability=0.37)
    assert len(row) == 31
    assert seal(START, row) == Head(1, "b1b8db40098155ad33049a5dd0f260a128678ba9f1ebbf9c8eb16d21cc88668e")
