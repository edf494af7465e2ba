import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.audit.address import Address
from service.audit.chain import Head
from service.audit.database import Database
from service.audit.entry import Entry
from service.audit.trail import Mode, Trail
from service.problems import AuditUnavailable
from tests.service.audit.test_writer import until
from tests.service.audit.trails import Counted, entry, rows


def trail_in(folder: Path, mode: Mode) -> Trail:
    """One that is started; in a folder of the file's own name it cannot be opened."""
    made = Trail(mode, Address(f"sqlite:///{folder / 'audit.db'}"), Counted(), software="1", days=None)
    made.start()
    return made


def blocked(folder: Path) -> Path:
    (folder / "audit.db").mkdir()
    return folder


def test_what_is_recorded_is_on_the_disk(tmp_path: Path) -> None:
    trail = trail_in(tmp_path, "required")
    asyncio.run(trail.record([entry(1), entry(2)]))
    assert [row["request_id"] for row in rows(trail.address)] == ["r1", "r2"]
    trail.check()
    assert (trail.enabled, trail.trouble) == (True, None)
    trail.close()


def test_required_refuses_what_cannot_be_recorded(tmp_path: Path) -> None:
    trail = trail_in(blocked(tmp_path), "required")
    with pytest.raises(AuditUnavailable, match="cannot be written: IsADirectoryError"):
        asyncio.run(trail.record([entry()]))
    with pytest.raises(AuditUnavailable, match="cannot be written: IsADirectoryError"):
        trail.check()
    assert trail.trouble == "The audit trail cannot be written: IsADirectoryError Is a directory."
    trail.close()


def test_preferred_goes_on_and_counts_what_has_no_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    meter = Counted()
    trail = Trail("preferred", Address(f"sqlite:///{blocked(tmp_path) / 'audit.db'}"), meter, software="1", days=None)
    trail.start()
    trail.check()
    for _ in range(3):
        asyncio.run(trail.record([entry(), entry()]))
    trail.check()
    assert meter.lost == 6
    assert [record.message for record in caplog.records].count("audit_lost") == 1
    (tmp_path / "audit.db").rmdir()
    until(lambda: trail.trouble is None)
    asyncio.run(trail.record([entry(7)]))
    assert [row["request_id"] for row in rows(trail.address)] == ["r7"]
    trail.close()


def test_preferred_waits_for_no_disk_that_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, append = threading.Event(), Database.append

    def held(database: Database, entries: Sequence[Entry]) -> Head:
        goes_on.wait(60)
        return append(database, entries)

    monkeypatch.setattr(Database, "append", held)
    monkeypatch.setattr("service.audit.writer.PATIENCE_SECONDS", 0.2)
    meter = Counted()
    trail = Trail("preferred", Address(f"sqlite:///{tmp_path / 'audit.db'}"), meter, software="1", days=None)
    trail.start()
    until(lambda: trail.trouble is None)
    first = trail._writer.submit([entry(1)])
    until(lambda: trail.trouble is not None)
    asyncio.run(asyncio.wait_for(trail.record([entry(2), entry(3)]), 5))
    assert meter.lost == 2
    goes_on.set()
    first.result(30)
    until(lambda: trail.trouble is None)
    asyncio.run(trail.record([entry(4)]))
    assert [row["request_id"] for row in rows(trail.address)] == ["r1", "r4"]
    trail.close()


def test_off_records_nothing(tmp_path: Path) -> None:
    trail = trail_in(blocked(tmp_path), "off")
    asyncio.run(trail.record([entry()]))
    trail.refused("/classify", "unauthorized")
    trail.check()
    assert (trail.enabled, trail.trouble, trail.waiting) == (False, None, 0)
    trail.close()
