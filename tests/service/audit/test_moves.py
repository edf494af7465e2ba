"""Labels that were moved without asking the service: what is made of them, and by real services."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model_store.labels import Label
from service.audit import moves as module
from service.audit.address import Address
from service.audit.database import Database
from service.audit.entry import Entry, stamp
from service.audit.moves import SETTLE_SECONDS, Moves
from service.audit.writer import Writer
from tests.running_service import ROOT, Service, running
from tests.service.audit.test_writer import until
from tests.service.audit.trails import Counted, entry, rows, verified

KEY = ("classifier", "stable")


def label(version: int, share: float | None = None) -> Label:
    return Label(name="classifier", version=version, digest=f"{version:064x}", share=share)


def told(address: Address) -> list[tuple[object, ...]]:
    """What the rows about labels say: where to, and whether it was only seen."""
    details = [json.loads(str(row["detail"])) for row in rows(address) if row["event"] == "label" and row["detail"]]
    return [(one["version"], one["share"], one.get("seen", False)) for one in details]


def asked_for(version: int) -> Entry:
    """The row of somebody who asked the service to move it."""
    detail = {"model": KEY[0], "label": KEY[1], "version": version, "digest": f"{version:064x}", "share": None}
    return Entry(stamp(), "label", principal="0f3a9c51", detail=json.dumps(detail))


@pytest.fixture
def moves() -> Moves:
    """Of a process that found version 1 to be stable."""
    made = Moves("9.9")
    made.see({KEY: label(1)})
    return made


def later() -> float:
    return time.monotonic() + SETTLE_SECONDS


def test_how_labels_are_found_is_no_move(moves: Moves, address: Address, database: Database) -> None:
    moves.see({KEY: label(1)})
    assert not moves.due(later())
    assert moves.turn(database, later(), closing=True) == 0
    assert rows(address) == []


def test_a_move_that_nobody_asked_for_is_recorded_as_seen_and_names_nobody(
    moves: Moves, address: Address, database: Database
) -> None:
    moves.see({KEY: label(2)})
    assert not moves.due(time.monotonic())
    assert moves.turn(database, time.monotonic()) == 0
    assert moves.due(later())
    assert moves.turn(database, later()) == 1
    (row,) = rows(address)
    assert json.loads(str(row["detail"])) == {
        "model": "classifier", "label": "stable", "version": 2, "digest": f"{2:064x}", "share": None, "seen": True
    }  # fmt: skip
    assert (row["event"], row["software"]) == ("label", "9.9")
    assert [row[name] for name in ("principal", "principal_name", "request_id", "route", "status")] == [None] * 5
    assert verified(address).intact
    assert not moves.due(later())


def test_a_move_that_the_service_was_asked_for_has_its_row_already(
    moves: Moves, address: Address, database: Database
) -> None:
    moves.see({KEY: label(2)})
    database.append([asked_for(2), Entry(stamp(), "label", status=404), entry(1)])
    assert moves.turn(database, later()) == 0
    assert told(address) == [(2, None, False)]


def test_one_that_was_moved_back_behind_the_service_is_recorded(
    moves: Moves, address: Address, database: Database
) -> None:
    moves.see({KEY: label(2)})
    database.append([asked_for(2)])
    moves.see({KEY: label(1)})
    assert moves.turn(database, later()) == 1
    assert told(address) == [(2, None, False), (1, None, True)]


def test_what_was_back_before_it_was_told_is_no_move(moves: Moves, database: Database) -> None:
    moves.see({KEY: label(2)})
    moves.see({KEY: label(1)})
    assert moves.turn(database, later()) == 0


def test_shares_new_labels_and_such_that_are_gone_are_recorded_too(
    moves: Moves, address: Address, database: Database
) -> None:
    moves.see({KEY: label(1), ("classifier", "canary"): label(2, 0.1)})
    assert moves.turn(database, later()) == 1
    moves.see({KEY: label(1), ("classifier", "canary"): label(2, 0.5)})
    assert moves.turn(database, later()) == 1
    moves.see({})
    assert moves.turn(database, later()) == 2
    assert told(address) == [(2, 0.1, True), (2, 0.5, True), (None, None, True), (None, None, True)]


def test_of_several_processes_that_see_it_one_records_it(address: Address) -> None:
    def see(_: int) -> int:
        one, database = Moves("9.9"), Database(address)
        for version in (1, 2):
            one.see({KEY: label(version)})
        written = one.turn(database, later())
        database.close()
        return written

    Database(address).close()
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(see, range(4))) == 1
    assert told(address) == [(2, None, True)]


def test_what_is_moved_while_another_move_is_written_is_not_forgotten(
    moves: Moves, address: Address, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = database.put

    def put_late(*given: object) -> object:
        moves.see({KEY: label(3)})
        return put(*given)  # type: ignore[arg-type]  # passed on

    moves.see({KEY: label(2)})
    monkeypatch.setattr(database, "put", put_late)
    assert moves.turn(database, later()) == 1
    monkeypatch.undo()
    assert moves.turn(database, later()) == 1
    assert told(address) == [(2, None, True), (3, None, True)]


def test_the_thread_that_writes_records_them_when_it_is_time_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Address(f"sqlite:///{tmp_path / 'audit.db'}")
    writer = Writer(address, Counted(), software="9.9")
    writer.start()
    until(lambda: writer.trouble is None)
    writer.moves.see({KEY: label(1)})
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.1)
    writer.moves.see({KEY: label(2)})
    until(lambda: told(address) == [(2, None, True)])
    monkeypatch.setattr(module, "SETTLE_SECONDS", 60.0)
    writer.moves.see({KEY: label(1)})
    writer.close()
    assert told(address) == [(2, None, True), (1, None, True)]
    assert verified(address).intact


@pytest.fixture
def two(pristine_store: Path, state: Path) -> Iterator[Service]:
    with running(pristine_store, state, PROCESSES="2") as service:
        until(lambda: service.client.get("/readyz").status_code == 200)
        yield service


def test_the_command_line_moves_a_label_and_the_trail_of_a_running_service_has_it_once(
    two: Service, pristine_store: Path, state: Path
) -> None:
    address = Address(f"sqlite:///{state / 'audit.db'}")
    asked = two.client.put("/models/classifier/labels/canary", json={"version": 2, "share": 0.0})
    assert asked.status_code == 200
    command = [sys.executable, "-m", "model_store", "--store", str(pristine_store), "--state", str(state)]
    subprocess.run([*command, "label", "classifier", "stable", "2"], cwd=ROOT, check=True, capture_output=True)
    until(lambda: len(told(address)) > 1)
    time.sleep(2)
    assert two.stop() == 0
    assert told(address) == [(2, 0.0, False), (2, None, True)]
    assert verified(address).intact
