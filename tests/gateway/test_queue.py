import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from gateway.queue import DATABASE, Full, Queue
from tests.running_service import ROOT


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    opened = Queue(tmp_path / "state", max_items=3, max_bytes=100)
    yield opened
    opened.close()


def again(queue: Queue) -> Queue:
    """What another process, or the same one after a kill, finds."""
    return Queue(queue.spool.folder.parent)


def test_the_way_of_an_image(queue: Queue) -> None:
    assert queue.add("a", b"image")
    assert (item := queue.due(set())) is not None
    assert (item.key, item.state, item.bytes, item.attempts) == ("a", "received", 5, 0)
    queue.answered("a", b"report")
    assert (item := again(queue).item("a")) is not None
    assert item.state == "answered"
    assert again(queue).spool.read("a.report") == b"report"
    queue.delivered("a")
    assert again(queue).counts() == {"delivered": 1}
    assert queue.due(set()) is None


def test_nothing_of_an_image_is_left_when_its_report_is_delivered(queue: Queue) -> None:
    queue.add("a", b"image of a patient")
    queue.answered("a", b"report on a patient")
    queue.delivered("a")
    folder = queue.spool.folder.parent
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name.partition("-")[0] for path in files} == {DATABASE}
    assert all(b"patient" not in path.read_bytes() for path in files)


def test_everything_in_the_folder_is_for_its_owner_only(queue: Queue) -> None:
    queue.add("a", b"image")
    files = [path for path in queue.spool.folder.parent.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_an_image_that_comes_again_changes_nothing(queue: Queue) -> None:
    queue.add("a", b"image")
    assert not queue.add("a", b"image")
    queue.answered("a", b"report")
    assert not queue.add("a", b"image")
    assert again(queue).counts() == {"answered": 1}
    queue.delivered("a")
    assert not queue.add("a", b"image")
    assert queue.counts() == {"delivered": 1}
    assert queue.spool.names() == []


def test_of_an_image_that_comes_again_while_it_waits_the_newest_content_counts(queue: Queue) -> None:
    queue.add("a", b"image")
    assert not queue.add("a", b"corrected")
    queue.answered("a", b"report")
    assert not queue.add("a", b"corrected again")
    assert queue.spool.read("a.image") == b"corrected again"
    assert (item := again(queue).item("a")) is not None
    assert (item.state, item.bytes) == ("answered", 15)
    with pytest.raises(Full):
        queue.add("a", b"x" * 101)
    assert queue.spool.read("a.image") == b"corrected again"
    assert queue.spool.read("a.report") == b"report"


def test_an_image_may_be_asked_about_again(queue: Queue) -> None:
    queue.add("a", b"image")
    queue.answered("a", b"report")
    queue.ask_again("a")
    assert (item := again(queue).due(set())) is not None
    assert item.state == "received"
    assert queue.spool.names() == ["a.image"]


def test_an_image_that_failed_may_come_again(queue: Queue) -> None:
    queue.add("a", b"damaged")
    queue.fail("a", "service_corrupt_image")
    assert queue.add("a", b"sound")
    assert (item := queue.due(set())) is not None
    assert (item.state, item.problem, item.attempts) == ("received", None, 0)
    assert queue.spool.read("a.image") == b"sound"


def test_an_image_whose_report_failed_may_come_again_and_keeps_its_report(queue: Queue) -> None:
    queue.add("a", b"image")
    queue.answered("a", b"report")
    queue.fail("a", "pacs_400")
    assert queue.add("a", b"again")
    assert (item := queue.due(set())) is not None
    assert (item.state, item.problem, item.attempts, item.bytes) == ("answered", None, 0, 5)
    assert queue.spool.read("a.image") == b"again"
    assert queue.spool.read("a.report") == b"report"
    queue.fail("a", "pacs_400")
    assert queue.expire(0) == 1
    assert queue.add("a", b"again"), "its report has gone with its image"
    assert (item := queue.due(set())) is not None
    assert item.state == "received"


def test_an_image_that_is_missing_may_come_and_then_is_missing_no_more(queue: Queue) -> None:
    queue.miss("a", "pacs_404", 60)
    queue.miss("a", "pacs_500", 120)
    assert queue.due(set()) is None
    assert not queue.retry("a")
    assert (item := again(queue).item("a")) is not None
    assert (item.state, item.bytes, item.attempts, item.problem) == ("missing", 0, 2, "pacs_500")
    assert time.time() + 60 < item.due <= time.time() + 120
    assert queue.add("a", b"image")
    queue.miss("a", "pacs_404", 60)
    assert (item := queue.due(set())) is not None
    assert (item.state, item.bytes, item.attempts, item.problem) == ("received", 5, 0, None)


def test_room_is_bounded_in_items_and_bytes(queue: Queue) -> None:
    with pytest.raises(Full):
        queue.add("a", b"x" * 101)
    queue.add("a", b"x" * 60)
    with pytest.raises(Full):
        queue.add("b", b"x" * 41)
    queue.add("b", b"x" * 40)
    queue.answered("a", b"report")
    queue.delivered("a")
    queue.add("c", b"x")
    queue.add("d", b"x")
    with pytest.raises(Full):
        queue.add("e", b"x")
    assert not queue.add("d", b"x"), "one that is there needs no room"
    assert sorted(queue.spool.names()) == ["b.image", "c.image", "d.image"]


def test_what_failed_takes_up_room_as_long_as_its_image_is_kept_and_what_is_missing_takes_none(queue: Queue) -> None:
    for key in ("a", "b", "c"):
        queue.add(key, b"image")
        queue.fail(key, "refused")
        queue.miss(key * 2, "pacs_404", 60)
    with pytest.raises(Full):
        queue.add("d", b"image")
    assert queue.add("a", b"again"), "it takes the place of what it was"
    queue.fail("a", "refused")
    assert queue.expire(0) == 3
    for key in ("a", "aa", "d"):
        assert queue.add(key, b"x" * 33)
    with pytest.raises(Full):
        queue.add("e", b"x")


def test_what_is_put_off_waits_and_others_go_first(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.add("a", b"image")
    queue.add("b", b"image")
    queue.postpone("a", "service_not_reachable", 600)
    assert (first := queue.due(set())) is not None
    assert first.key == "b"
    assert queue.due({"b"}) is None
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 601)
    assert (second := queue.due({"b"})) is not None
    assert (second.key, second.problem, second.attempts) == ("a", "service_not_reachable", 1)


def test_what_a_clock_put_off_that_was_ahead_does_not_wait_for_it(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda now=time.time: now() + 7200)
        queue.add("a", b"image")
        queue.add("b", b"image")
        queue.postpone("b", "service_not_reachable", 50)
    assert queue.due(set(), 86_400) is None
    waiting = [item.key for busy in (set[str](), {"a"}) if (item := queue.due(busy, 60))]
    assert waiting == ["a", "b"]
    queue.postpone("a", "service_not_reachable", 50)
    assert queue.due({"b"}, 60) is None


def test_what_may_be_the_image_s_fault_is_counted_for_each_step_by_itself(queue: Queue) -> None:
    queue.add("a", b"image")

    def counted() -> tuple[int, int]:
        item = again(queue).item("a")
        assert item is not None
        return item.attempts, item.faults

    for fault in (False, True, False, True):
        queue.postpone("a", "problem", 0, fault=fault)
    assert counted() == (4, 2)
    queue.answered("a", b"report")
    assert counted() == (0, 0)
    queue.postpone("a", "problem", 0, fault=True)
    queue.fail("a", "refused")
    assert counted() == (2, 1)
    queue.retry("a")
    assert counted() == (0, 0)
    queue.postpone("a", "problem", 0, fault=True)
    queue.fail("a", "refused")
    assert queue.add("a", b"again")
    assert counted() == (0, 0)


def test_a_step_on_a_content_that_is_no_more_there_changes_nothing(queue: Queue) -> None:
    queue.add("a", b"image")
    assert (before := queue.item("a")) is not None
    queue.postpone("a", "problem", 60, fault=True)
    queue.add("a", b"another")
    assert not queue.fail("a", "refused", before.revision)
    assert (after := queue.due(set())) is not None, "it is due at once"
    assert (after.state, after.faults, after.problem, after.revision) == ("received", 0, None, 1)
    queue.answered("a", b"report")
    assert not queue.delivered("a", before.revision)
    assert queue.spool.read("a.image") == b"another"
    assert queue.delivered("a", after.revision)
    assert queue.counts() == {"delivered": 1}


def test_a_failed_item_goes_on_where_it_stopped(queue: Queue) -> None:
    queue.add("a", b"image")
    queue.add("b", b"image")
    queue.answered("b", b"report")
    assert not queue.retry("a"), "it waits"
    for key in ("a", "b"):
        queue.fail(key, "refused")
    assert queue.due(set()) is None
    assert all(again(queue).retry(key) for key in ("a", "b"))
    states = {key: item.state for key in ("a", "b") if (item := queue.item(key))}
    assert states == {"a": "received", "b": "answered"}
    assert not queue.retry("unknown")


def test_images_of_failed_items_go_after_a_time_and_their_rows_stay(queue: Queue) -> None:
    queue.add("a", b"image")
    queue.fail("a", "refused")
    assert queue.expire(60) == 0
    assert queue.expire(0) == 1
    assert queue.expire(0) == 0
    assert queue.spool.names() == []
    assert not queue.retry("a")
    assert [item.problem for item in queue.items("failed")] == ["refused"]


def test_an_image_that_comes_again_while_it_expires_is_kept(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.add("a", b"damaged")
    queue.fail("a", "refused")
    forget, sends = queue._forget, Thread(target=queue.add, args=["a", b"sound"])

    def slowly(key: str) -> None:
        sends.start()
        sends.join(0.5)
        forget(key)

    monkeypatch.setattr(queue, "_forget", slowly)
    assert queue.expire(0) == 1
    sends.join(60)
    assert (item := queue.item("a")) is not None
    assert item.state == "received"
    assert queue.spool.read("a.image") == b"sound"


def test_what_goes_on_and_fails_again_before_its_turn_is_not_expired(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.add("a", b"image")
    queue.fail("a", "refused")
    listed = queue.items("failed")
    queue.retry("a")
    queue.fail("a", "refused")
    monkeypatch.setattr(queue, "items", lambda state: [listed[0]._replace(since=0)])
    assert queue.expire(60) == 0
    assert queue.spool.names() == ["a.image"]


def test_what_a_process_that_was_killed_did_not_come_to_remove_is_swept(queue: Queue) -> None:
    for key in ("a", "b"):
        queue.add(key, b"image")
        queue.answered(key, b"report")
        queue.fail(key, "refused")
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(queue, "_forget", lambda key: None)
        assert queue.expire(0) == 2
    assert queue.add("b", b"sound")
    assert sorted(queue.spool.names()) == ["a.image", "a.report", "b.image"]
    queue.sweep()
    assert queue.spool.names() == ["b.image"]


def test_what_a_killed_process_left_behind_is_swept(queue: Queue) -> None:
    queue.add("a", b"image")
    queue.add("b", b"image")
    queue.answered("b", b"report")
    queue.add("c", b"image")
    queue.answered("c", b"report")
    queue.delivered("c")
    for name in ("a.image.partial", "c.image", "d.report"):
        queue.spool.write(name, b"left")
    queue.sweep()
    assert sorted(queue.spool.names()) == ["a.image", "b.image", "b.report"]


def test_images_outlast_a_database_that_was_damaged_and_is_made_anew(queue: Queue) -> None:
    queue.add("a", b"image")
    queue.add("b", b"image")
    queue.answered("b", b"report")
    queue.close()
    folder = queue.spool.folder.parent
    for file in folder.glob(f"{DATABASE}*"):
        file.unlink()
    anew = again(queue)
    anew.sweep()
    found = {key: (item.state, item.bytes) for key in ("a", "b") if (item := anew.item(key))}
    assert found == {"a": ("received", 5), "b": ("answered", 5)}
    assert sorted(anew.spool.names()) == ["a.image", "b.image", "b.report"]
    assert anew.due(set())
    anew.close()


def test_marks_are_remembered(queue: Queue) -> None:
    assert queue.marked("looked") is None
    queue.mark("looked", "2026-01-01")
    queue.mark("looked", "2025-01-01")
    assert again(queue).marked("looked") == "2025-01-01"


FILLING = """
import sys
from pathlib import Path
from gateway.queue import Queue
queue = Queue(Path(sys.argv[1]))
for number in range(100_000):
    queue.add(f"{number:06}", b"x" * 1000)
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLING, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.readlines()
    last = int(said[-1])
    queue = Queue(tmp_path)
    queue.sweep()
    assert last <= (count := queue.counts()["received"]) - 1 <= last + 1
    assert len(queue.spool.names()) == count
    assert queue._sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    queue.close()


def test_an_image_that_cannot_be_noted_is_not_kept(queue: Queue) -> None:
    queue._sql.execute("CREATE TRIGGER full BEFORE INSERT ON items BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.Error, match="disk full"):
        queue.add("a", b"image")
    assert queue.item("a") is None
    assert queue.spool.names() == []
