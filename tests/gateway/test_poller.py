"""The poller against a real Orthanc, and against a PACS that has trouble with single images."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from gateway import poller as polling
from gateway import worker
from gateway.dicomweb import DicomWeb
from gateway.items import Item
from gateway.objects import identity, key_of
from gateway.poller import LOOKED, STARTED, TROUBLE, Poller
from gateway.queue import Queue
from gateway.settings import read_settings
from tests.gateway.answering_pacs import answering, row
from tests.gateway.orthanc import PASSWORD, USER, Pacs, free_port, needs_debian
from tests.gateway.running_gateway import wait_for
from tests.gateway.samples import photograph, uids

pytestmark = needs_debian
TODAY = datetime.now(UTC).date()


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stays what it was when these tests were read, which may be yesterday by now."""
    monkeypatch.setattr(polling, "_today", lambda: TODAY)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    opened = Queue(tmp_path)
    yield opened
    opened.close()


def look(url: str, queue: Queue, arrived: list[int] | None = None) -> None:
    """Looks once for DMS, which no other test on the shared Orthanc does but test_dicomweb.py."""
    options = {"pacs_url": url, "pacs_user": USER, "pacs_password": PASSWORD, "poll_modalities": "DMS"}
    settings = read_settings(options)
    web = DicomWeb.of(settings)
    with web.http:
        Poller(settings, web, queue, lambda: arrived.append(1) if arrived is not None else None).look()


def store(pacs: Pacs, image: bytes) -> str:
    pacs.http.post("/instances", content=image).raise_for_status()
    return identity(image).key


def test_new_images_are_fetched_once(pacs: Pacs, queue: Queue) -> None:
    image, arrived = photograph(modality="DMS", jpeg=True), list[int]()
    key = store(pacs, image)
    look(pacs.web, queue, arrived)
    assert identity(queue.spool.read(f"{key}.image")) == identity(image)
    assert arrived
    queue.answered(key, b"report")
    queue.delivered(key)
    before = len(arrived)
    look(pacs.web, queue, arrived)
    assert len(arrived) == before
    assert (item := queue.item(key)) is not None
    assert item.state == "delivered"


def test_old_studies_and_other_classes_are_left_alone(pacs: Pacs, queue: Queue) -> None:
    week_ago = (TODAY - timedelta(days=7)).strftime("%Y%m%d")
    old = store(pacs, photograph(modality="DMS", StudyDate=week_ago))
    video = store(pacs, photograph(modality="DMS", sop_class="1.2.840.10008.5.1.4.1.1.77.1.4.1"))
    look(pacs.web, queue)
    assert not queue.item(old)
    assert not queue.item(video)
    for name in (LOOKED, STARTED):
        queue.mark(name, (TODAY - timedelta(days=6)).isoformat())
    look(pacs.web, queue)
    assert queue.item(old), "the gateway was away since then"
    assert queue.marked(LOOKED) == TODAY.isoformat()


def test_trouble_is_noted_and_the_day_stays_until_all_is_well(pacs: Pacs, tmp_path: Path) -> None:
    keys = [store(pacs, photograph(modality="DMS")) for _ in range(2)]
    queue = Queue(tmp_path / "small", max_items=1)
    days_ago = (TODAY - timedelta(days=1)).isoformat()
    queue.mark(LOOKED, days_ago)
    look(f"http://127.0.0.1:{free_port()}", queue)
    assert (queue.marked(LOOKED), queue.marked(TROUBLE)) == (days_ago, "pacs_ConnectError")
    look(pacs.web, queue)
    assert (queue.marked(LOOKED), queue.marked(TROUBLE)) == (days_ago, "queue_full")
    queue.close()
    roomy = Queue(tmp_path / "small")
    look(pacs.web, roomy)
    assert (roomy.marked(LOOKED), roomy.marked(TROUBLE)) == (TODAY.isoformat(), "")
    assert all(roomy.item(key) for key in keys)
    roomy.close()


def test_a_new_gateway_begins_with_the_day_of_its_first_start(queue: Queue) -> None:
    look(f"http://127.0.0.1:{free_port()}", queue)
    assert queue.marked(LOOKED) == TODAY.isoformat()


def test_a_key_is_that_of_what_is_found() -> None:
    image = photograph()
    assert key_of(uids(image)[1]) == identity(image).key


SOUND, BAD, LATER = (photograph() for _ in range(3))
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()

Answers = dict[str, bytes | int | Exception]
"""What WADO-RS gives for each SOP Instance UID: a file, a status, or what is raised in the place of an answer."""


class Troubled:
    """A PACS that lists images in this order, and answers so whoever fetches one."""

    def __init__(self, queue: Queue, answers: Answers, **options: str) -> None:
        self.answers, self.fetched = answers, list[str]()
        settings = read_settings({"pacs_url": "http://pacs", "poll_modalities": "XC"} | options)
        poller = Poller(settings, answering(self._answer), queue, lambda: None)
        self.look, self.run = poller.look, poller.run

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/instances":
            rows = [row(uid) for uid in self.answers] if request.url.params["offset"] == "0" else []
            return httpx.Response(200, json=rows)
        self.fetched.append(uid := request.url.path.rpartition("/")[2])
        answer = self.answers[uid]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, content=answer)


def item(queue: Queue, image: bytes) -> Item:
    found = queue.item(identity(image).key)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (404, "pacs_404"),
        (410, "pacs_410"),
        (500, "pacs_500"),
        (400, "pacs_400"),
        (httpx.ReadTimeout(""), "pacs_ReadTimeout"),
        (httpx.DecodingError(""), "pacs_DecodingError"),
        (MemoryError(), "gateway_MemoryError"),
        (b"no DICOM", "no_dicom_object"),
        (SOUND, "pacs_other_instance"),
    ],
)
def test_an_image_that_is_not_to_be_had_keeps_no_other_waiting(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, answer: bytes | int | Exception, problem: str
) -> None:
    monkeypatch.setattr(worker, "FIRST_WAIT", 60.0)
    queue.mark(LOOKED, YESTERDAY)
    (bad, later) = (uids(image)[1] for image in (BAD, LATER))
    pacs = Troubled(queue, {bad: answer, later: LATER})
    pacs.look()
    pacs.look()
    assert pacs.fetched == [bad, later], "it is not asked for at once again"
    assert item(queue, LATER).state == "received"
    missing = item(queue, BAD)
    assert (missing.state, missing.problem, missing.attempts) == ("missing", problem, 1)
    assert (queue.marked(LOOKED), queue.marked(TROUBLE)) == (YESTERDAY, problem)
    pacs.answers[bad] = BAD
    queue.miss(missing.key, problem, 0)
    pacs.look()
    assert item(queue, BAD).state == "received"
    assert (queue.marked(LOOKED), queue.marked(TROUBLE)) == (TODAY.isoformat(), "")


def test_what_is_missing_for_long_is_not_waited_for_and_still_asked_for(queue: Queue) -> None:
    queue.mark(LOOKED, YESTERDAY)
    uid = uids(BAD)[1]
    pacs = Troubled(queue, {uid: 404}, keep_failed_days="0")
    pacs.look()
    assert (queue.marked(LOOKED), queue.marked(TROUBLE)) == (TODAY.isoformat(), "pacs_404")
    for _ in range(3):
        queue.miss(identity(BAD).key, "pacs_404", 0)
        pacs.look()
    assert len(pacs.fetched) == 4
    assert item(queue, BAD).attempts == 7
    assert item(queue, BAD).due > time.time() + 20, "the waits grow"


def test_a_pacs_that_goes_away_is_not_asked_for_the_rest(queue: Queue) -> None:
    queue.mark(LOOKED, YESTERDAY)
    pacs = Troubled(queue, {uids(image)[1]: httpx.ConnectError("") for image in (BAD, LATER)})
    pacs.look()
    assert len(pacs.fetched) == 1
    assert queue.counts() == {}, "it is no image's fault"
    assert (queue.marked(LOOKED), queue.marked(TROUBLE)) == (YESTERDAY, "pacs_ConnectError")


def test_what_the_pacs_lists_without_its_uids_is_told(queue: Queue) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        rows = [row("\ud800"), row(uids(LATER)[1]), {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}]
        if request.url.path == "/instances":
            return httpx.Response(200, text=json.dumps(rows if request.url.params["offset"] == "0" else []))
        return httpx.Response(200, content=LATER)

    settings = read_settings({"pacs_url": "http://pacs", "poll_modalities": "XC"})
    Poller(settings, answering(answer), queue, lambda: None).look()
    assert queue.marked(TROUBLE) == "pacs_incomplete_row"
    assert item(queue, LATER).state == "received", "it keeps no other waiting"


def test_what_a_pacs_answers_ends_no_looking(queue: Queue) -> None:
    """JSON so deep that Python gives up; the looks after it go on."""
    settings = read_settings({"pacs_url": "http://pacs", "poll_modalities": "XC"})
    deep = httpx.Response(200, text="[" * 100_000)
    Poller(settings, answering(lambda _: deep), queue, lambda: None).look()
    assert queue.marked(TROUBLE) == "gateway_RecursionError"


@pytest.mark.parametrize("wrong", [date(2000, 1, 1), date(2036, 1, 1)])
def test_a_clock_that_was_wrong_leaves_nothing_out_and_does_not_go_through_the_archive(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, wrong: date
) -> None:
    asked, started = list[str](), TODAY - timedelta(days=30)
    queue.mark(LOOKED, started.isoformat())

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["StudyDate"])
        return httpx.Response(204)

    settings = read_settings({"pacs_url": "http://pacs", "poll_modalities": "XC"})
    poller = Poller(settings, answering(answer), queue, lambda: None)
    poller.look()
    with monkeypatch.context() as clock:
        clock.setattr(polling, "_today", lambda: wrong)
        poller.look()
    queue.miss("a", "pacs_404", 60)
    poller.look()
    earliest, latest = (f"{day - timedelta(days=2):%Y%m%d}-" for day in (started, TODAY))
    assert asked[0] == earliest
    assert all(earliest <= since <= latest for since in asked), asked


def test_an_image_that_a_clock_put_off_that_was_ahead_is_asked_for(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda now=time.time: now() + 86_400)
        queue.miss(identity(LATER).key, "pacs_404", 60)
    Troubled(queue, {uids(LATER)[1]: LATER}).look()
    assert item(queue, LATER).state == "received"


def test_a_disk_that_takes_nothing_ends_no_looking(queue: Queue) -> None:
    """Neither the image, nor what was in its way; look by look, until there is room."""
    pacs, stop = Troubled(queue, {uids(LATER)[1]: LATER}, poll_seconds="0.05"), Event()
    for table in ("items", "marks"):
        queue._sql.execute(
            f"CREATE TRIGGER {table}_full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    thread = Thread(target=pacs.run, args=[stop])
    thread.start()
    wait_for(lambda: len(pacs.fetched) > 1)
    for table in ("items", "marks"):
        queue._sql.execute(f"DROP TRIGGER {table}_full")
    wait_for(lambda: queue.item(identity(LATER).key) is not None)
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert item(queue, LATER).state == "received"
