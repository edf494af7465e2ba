import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.postgres import Postgres
from service.audit import clock, keeping
from service.audit import entry as entry_module
from service.audit import writer as module
from service.audit.address import Address
from service.audit.chain import Head
from service.audit.database import Database, DatabaseFailed
from service.audit.entry import stamp
from service.audit.writer import Writer
from tests.service.audit.conftest import emptied
from tests.service.audit.trails import Counted, entry, events, meddle, rows, verified
from tests.small_disk import small_disk

Make = Callable[..., Writer]


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def images(place: Address) -> list[object]:
    return [row["request_id"] for row in rows(place) if row["event"] == "image"]


@pytest.fixture
def place(tmp_path: Path) -> Address:
    return Address(f"sqlite:///{tmp_path / 'audit.db'}")


@pytest.fixture
def meter() -> Counted:
    return Counted()


@pytest.fixture
def make(place: Address, meter: Counted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    made: list[Writer] = []

    def make(days: int | None = None) -> Writer:
        made.append(Writer(place, meter, software="1", days=days))
        made[-1].start()
        return made[-1]

    yield make
    for writer in made:
        writer.close()


def test_rows_are_on_the_disk_when_it_says_so(make: Make, place: Address, meter: Counted) -> None:
    writer = make()
    for number in range(3):
        writer.submit([entry(number)]).result(30)
        assert len(rows(place)) == number + 1
    assert (writer.trouble, meter.rows) == (None, 3)
    until(lambda: writer.waiting == 0)  # which is counted anew a moment after the last of them was told


def test_it_is_opened_before_it_waits_for_rows(place: Address, meter: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is not ready until it is."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 60.0)
    writer = Writer(place, meter, software="1")
    writer.start()
    until(lambda: writer.trouble is None)
    writer.close()


def test_a_file_that_is_gone_is_noticed_and_none_is_made_in_its_place(
    make: Make, place: Address, tmp_path: Path
) -> None:
    writer = make()
    writer.submit([entry(0)]).result(30)
    file = tmp_path / "audit.db"
    file.rename(tmp_path / "moved.db")
    with pytest.raises(DatabaseFailed):
        writer.submit([entry(1)]).result(30)
    assert writer.trouble is not None
    assert not file.exists()
    (tmp_path / "moved.db").rename(file)
    until(lambda: writer.trouble is None)
    writer.submit([entry(2)]).result(30)
    assert [row["request_id"] for row in rows(place)] == ["r0", "r2"]


def test_another_trail_in_its_place_is_not_gone_on_with(make: Make, place: Address, tmp_path: Path) -> None:
    writer = make()
    writer.submit([entry(0)]).result(30)
    for left in tmp_path.glob("audit.db*"):
        left.unlink()
    Database(place).close()
    with pytest.raises(DatabaseFailed):
        writer.submit([entry(1)]).result(30)
    until(lambda: writer.trouble == "it lacks rows that were written")
    assert rows(place) == []


def test_a_log_that_is_gone_is_noticed_before_a_row_is_lost(
    make: Make, place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS", 600.0)  # or a look in between notices it, and opens the trail anew
    writer = make()
    writer.submit([entry(0)]).result(30)
    (tmp_path / "audit.db-wal").unlink()
    with pytest.raises(DatabaseFailed, match="its file was removed or replaced"):
        writer.submit([entry(1)]).result(30)
    until(lambda: writer.trouble is None)
    writer.submit([entry(2)]).result(30)
    assert [row["request_id"] for row in rows(place)] == ["r0", "r2"]


def test_an_end_that_is_cut_off_is_not_gone_on_from(make: Make, place: Address) -> None:
    writer = make()
    for number in range(10):
        writer.submit([entry(number)]).result(30)
    meddle(
        place,
        "DELETE FROM audit_entry WHERE sequence > 5",
        "UPDATE audit_head SET sequence = 5, hash = (SELECT hash FROM audit_entry WHERE sequence = 5)",
    )
    with pytest.raises(DatabaseFailed, match="it lacks rows that were written"):
        writer.submit([entry(10)]).result(30)
    # Nor when it is opened anew.
    time.sleep(5 * module.RETRY_SECONDS)
    with pytest.raises(DatabaseFailed, match="it lacks rows that were written"):
        writer.submit([entry(11)]).result(30)
    assert writer.trouble == "it lacks rows that were written"
    assert len(rows(place)) == 5


def test_what_waits_shares_a_transaction(make: Make, place: Address, meter: Counted) -> None:
    writer = make()
    until(lambda: writer.trouble is None)
    held = Database(place)
    with held.transaction():
        handed = [writer.submit([entry(number)]) for number in range(50)]
        assert not wait(handed, 0.1).done
    held.close()
    assert not wait(handed, 30).not_done
    assert [row["request_id"] for row in rows(place)] == [f"r{number}" for number in range(50)]
    assert meter.transactions <= 2


def test_under_load_rows_wait_a_little_for_each_other(
    place: Address, meter: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(place, meter, software="1", crowded=lambda: True)
    writer.start()
    until(lambda: writer.trouble is None)
    writer.submit([entry(0)]).result(30)
    assert (meter.rows, meter.transactions) == (1, 1)
    monkeypatch.setattr(module, "GATHER_SECONDS", 600.0)
    handed = [writer.submit([entry(1)])]
    for number in range(2, 10):
        time.sleep(0.01)
        handed.append(writer.submit([entry(number)]))
    assert not wait(handed, 0.1).done
    writer.close()  # for which they do not wait any longer
    assert not wait(handed, 30).not_done
    assert (meter.rows, meter.transactions) == (10, 2)


def test_what_was_cancelled_in_time_is_not_written(make: Make, place: Address) -> None:
    writer = make()
    until(lambda: writer.trouble is None)
    held = Database(place)
    with held.transaction():
        first = writer.submit([entry(1)])
        until(first.running)
        assert writer.submit([entry(2)]).cancel()
    held.close()
    writer.submit([entry(3)]).result(30)
    assert [row["request_id"] for row in rows(place)] == ["r1", "r3"]


def test_memory_is_bounded(make: Make, place: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    writer = make()
    until(lambda: writer.trouble is None)
    held = Database(place)
    with held.transaction():
        handed = [writer.submit([entry(number)]) for number in range(3)]
        with pytest.raises(DatabaseFailed, match="it is too slow"):
            writer.submit([entry(3)]).result(0)
        assert writer.waiting == 3
    held.close()
    assert not wait(handed, 30).not_done


def test_it_says_what_is_wrong_and_goes_on_by_itself(make: Make, place: Address, meter: Counted) -> None:
    assert place.file is not None
    place.file.mkdir()
    writer = make()
    assert meter.failed.wait(30)
    until(lambda: writer.trouble == "IsADirectoryError Is a directory")
    with pytest.raises(DatabaseFailed, match="Is a directory"):
        writer.submit([entry()]).result(0)
    place.file.rmdir()
    until(lambda: writer.trouble is None)
    writer.submit([entry()]).result(30)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk on which a trail just fits."""
    with small_disk(tmp_path / "small", 512) as folder:
        yield folder


def test_a_disk_that_is_full_is_full_until_there_is_room(
    small: Path, meter: Counted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It can be opened and read all the time; whoever is let in meanwhile gets no answer for his work."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    writer = Writer(Address(f"sqlite:///{small / 'audit.db'}"), meter, software="1")
    writer.start()
    writer.submit([entry(0)]).result(30)
    with (small / "other").open("wb", buffering=0) as other, suppress(OSError):
        while True:
            other.write(bytes(4096))
    with pytest.raises(DatabaseFailed, match="SQLITE_FULL"):
        writer.submit([entry(number) for number in range(1, 1000)]).result(30)
    for _ in range(50):
        assert writer.trouble is not None
        time.sleep(0.01)
    assert len(events(caplog, "audit_failed")) == 1
    (small / "other").unlink()
    until(lambda: writer.trouble is None)
    writer.submit([entry(1)]).result(30)
    writer.close()
    assert images(Address(f"sqlite:///{small / 'audit.db'}")) == ["r0", "r1"]


def test_whatever_goes_wrong_is_told_to_who_waits_and_it_goes_on(
    place: Address, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Counted):
        def audited(self, rows: int, seconds: float, sequence: int) -> None:
            if not self.failed.is_set():
                raise MemoryError

    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    writer = Writer(place, Odd(), software="1")
    writer.start()
    until(lambda: writer.trouble is None)
    with pytest.raises(DatabaseFailed, match="MemoryError"):
        writer.submit([entry(0)]).result(30)
    until(lambda: writer.trouble is None)
    writer.submit([entry(1)]).result(30)
    writer.close()
    (told,) = events(caplog, "audit_failed")
    assert told["reason"] == "MemoryError"
    assert "writer.py" in str(told["at"])


def test_refusals_of_strangers_are_a_row_a_minute(make: Make, place: Address) -> None:
    writer = make()
    until(lambda: writer.trouble is None)
    with writer._wake:  # or the first of them would be written while the others come
        for _ in range(1000):
            writer.refused("/classify", "unauthorized")
        writer.refused("/grade", "unauthorized")
    until(lambda: len(rows(place)) == 2)
    for _ in range(1000):
        writer.refused("/classify", "unauthorized")
    writer.submit([entry()]).result(30)
    assert [(row["route"], row["times"]) for row in rows(place)[:2]] == [("/classify", 1000), ("/grade", 1)]
    assert len(rows(place)) == 3
    writer.close()
    assert rows(place)[-1]["times"] == 1000


def test_what_waits_at_the_end_is_written_and_nothing_after(make: Make, place: Address) -> None:
    writer = make()
    handed = [writer.submit([entry(number)]) for number in range(20)]
    writer.close()
    assert all(one.done() and one.exception() is None for one in handed)
    with pytest.raises(DatabaseFailed, match="it is closed"):
        writer.submit([entry()]).result(0)
    assert len(rows(place)) == 20


def filled(place: Address) -> None:
    """With four rows that are old and one that is not, of a service that ran all the time between them."""
    now, database = datetime.now(UTC), Database(place)
    database.append([entry(number)._replace(at=stamp(now - timedelta(days=9))) for number in range(4)])
    database.append(
        [entry()._replace(event="quiet", at=stamp(now - day * timedelta(days=0.9))) for day in range(7, 0, -1)]
    )
    database.append([entry(4)])
    database.close()


def test_old_rows_are_removed_while_it_runs(make: Make, place: Address, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "melanoserve")
    filled(place)
    make(days=7)
    until(lambda: images(place) == ["r4"])
    until(lambda: len(events(caplog, "audit_head")) == 3)
    # When it was opened, the last of those that were removed, and the row that says so.
    assert [head["sequence"] for head in events(caplog, "audit_head")] == [12, 4, 13]
    assert rows(place)[-1]["event"] == "pruned"
    for head in events(caplog, "audit_head")[1:]:
        assert verified(place, Head(int(str(head["sequence"])), str(head["hash"]))).intact


def test_a_clock_that_goes_ahead_while_it_runs_removes_nothing(
    make: Make, place: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=4015)

    writer = make(days=3650)
    writer.submit([entry(0)]).result(30)
    for changed in (clock, entry_module):
        monkeypatch.setattr(changed, "datetime", Ahead)
    monkeypatch.setattr(keeping, "PRUNE_SECONDS", 0.0)
    for number in range(1, 5):
        writer.submit([entry(number)]).result(30)
    assert len(rows(place)) == 5


def test_rows_that_cannot_be_removed_keep_nobody_from_recording(
    server: Postgres, meter: Counted, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a role without the right to delete, as docs/audit.md has it."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    address = emptied(server)
    filled(address)
    meddle(
        address, "DROP ROLE IF EXISTS recorder", "CREATE ROLE recorder LOGIN",
        "GRANT USAGE ON SCHEMA public TO recorder",
        "GRANT SELECT, INSERT ON audit_entry TO recorder", "GRANT SELECT, UPDATE ON audit_head TO recorder",
        "GRANT SELECT ON audit_schema TO recorder",
    )  # fmt: skip
    writer = Writer(Address(server.url.replace("user=postgres", "user=recorder")), meter, software="1", days=7)
    writer.start()
    until(lambda: events(caplog, "audit_prune_failed"))
    for number in range(5, 15):
        writer.submit([entry(number)]).result(30)
        time.sleep(0.03)
        assert writer.trouble is None
    writer.close()
    assert events(caplog, "audit_prune_failed") == [{"where": "PostgreSQL", "reason": "InsufficientPrivilege 42501"}]
    assert (meter.failed.is_set(), events(caplog, "audit_failed")) == (True, [])
    assert images(address) == [f"r{number}" for number in range(15)]


def test_damage_where_rows_are_to_go_keeps_nobody_from_recording(
    make: Make, place: Address, caplog: pytest.LogCaptureFixture
) -> None:
    filled(place)
    meddle(place, "UPDATE audit_entry SET at = x'ff' WHERE sequence = 2")
    writer = make(days=7)
    until(lambda: events(caplog, "audit_prune_failed"))
    for number in range(5, 15):
        writer.submit([entry(number)]).result(30)
        time.sleep(0.03)
    assert writer.trouble is None
    assert len(events(caplog, "audit_prune_failed")) == 1


def test_one_that_was_never_started_can_be_closed(place: Address, meter: Counted) -> None:
    Writer(place, meter, software="1").close()
    assert "audit" not in [thread.name for thread in threading.enumerate()]
