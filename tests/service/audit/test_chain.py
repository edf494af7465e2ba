import json
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


def test_every_anchor_must_hold(address: Address, head: Head) -> None:
    """Of two for one row the last one counted."""
    wrong = Head(10, "f" * 64)
    for anchors in ((wrong, head), (head, wrong)):
        (fault,) = verified(address, *anchors).faults
        assert fault.startswith("row 10 is not the one whose hash was kept")


def test_the_beginning_is_an_anchor_that_holds(address: Address, head: Head) -> None:
    """The log has one of every new trail."""
    assert verified(address, START).intact
    assert not verified(address, Head(0, "f" * 64)).intact


def forged(address: Address, through: Head) -> None:
    """All rows are removed and others written, behind a row `pruned` that nobody of ours wrote."""
    meddle(
        address,
        "DELETE FROM audit_entry",
        f"UPDATE audit_head SET sequence = {through.sequence}, hash = '{through.hash}'",
    )
    database = Database(address)
    detail = json.dumps({"through": through.sequence, "hash": through.hash, "rows": through.sequence})
    database.append([entry(number) for number in range(5)])
    database.append([Entry("2026-11-26T01:16:49.123456Z", "pruned", times=through.sequence, detail=detail)])
    database.close()


def test_a_row_that_says_that_others_were_removed_is_not_believed_against_an_anchor(
    address: Address, database: Database
) -> None:
    anchors = [database.append([entry(number)]) for number in range(10)]
    forged(address, Head(25, "f" * 64))
    assert verified(address).intact
    removal = "rows 1 to 25 were removed, as row 31 of 2026-11-26T01:16:49.123456Z says"
    assert str(verified(address).removal) == removal
    hint = "; --pruned-through 25 if you know of that"
    assert verified(address, anchors[4]).faults == [f"row 5 could not be checked: {removal}{hint}"]
    assert verified(address, *anchors[4:]).faults == [
        f"rows 5 to 10, as far as they were kept elsewhere, could not be checked: {removal}{hint}"
    ]
    assert verified(address, START).intact
    assert verified(address, *anchors, known=25).intact
    assert verified(address, known=24).faults == [f"more was removed than up to row 24: {removal}"]
    assert len(verified(address, anchors[4], known=24).faults) == 2


def test_of_what_was_removed_the_last_row_must_be_the_one_that_was_kept(address: Address, database: Database) -> None:
    anchors = [database.append([entry(number)]) for number in range(10)]
    forged(address, Head(10, anchors[-1].hash))
    assert verified(address, anchors[-1]).intact
    assert not verified(address, anchors[-2], anchors[-1]).intact
    for known in (None, 10):
        (fault,) = verified(address, Head(10, "f" * 64), known=known).faults
        assert fault.startswith("row 10 was kept elsewhere with another hash: rows 1 to 10 were removed")


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
