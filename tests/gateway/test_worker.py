"""The worker, with a service and a PACS that do what a test tells them; test_loop.py has the real ones."""

import errno
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from gateway.items import Item
from gateway.objects import belongs, identity
from gateway.problems import Fault, Refused, Trouble, TryAgain
from gateway.queue import Queue
from gateway.worker import FAULTS, Worker, wait
from tests.gateway.samples import photograph, report_on, uids

IMAGE = photograph()
KEY = identity(IMAGE).key


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    opened = Queue(tmp_path)
    opened.add(KEY, IMAGE)
    yield opened
    opened.close()


def no_pacs(report: bytes, study: str) -> None:
    raise AssertionError("nothing is to be delivered")


def raises(error: Exception) -> Callable[[bytes], bytes]:
    def ask(image: bytes) -> bytes:
        raise error

    return ask


def item(queue: Queue, key: str = KEY) -> Item:
    found = queue.item(key)
    assert found is not None
    return found


def test_an_image_becomes_a_report_in_its_study(queue: Queue) -> None:
    delivered: list[tuple[bytes, str]] = []
    report = report_on(IMAGE)
    worker = Worker(queue, lambda image: report, lambda report, study: delivered.append((report, study)))
    worker.step(item(queue))
    assert item(queue).state == "answered"
    worker.step(item(queue))
    assert item(queue).state == "delivered"
    assert delivered == [(report, uids(IMAGE)[0])]
    assert queue.spool.names() == []


def test_a_report_that_could_not_be_delivered_is_sent_again_and_not_asked_for_again(queue: Queue) -> None:
    sent: list[bytes] = []

    def deliver(report: bytes, study: str) -> None:
        sent.append(report)
        if len(sent) < 3:
            raise TryAgain("pacs_ConnectError")

    worker = Worker(queue, report_on, deliver)
    for _ in range(4):
        worker.step(item(queue))
    assert item(queue).state == "delivered"
    assert len(sent) == 3
    assert len(set(sent)) == 1, "it is the same report each time"


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (report_on(IMAGE, study=generate_uid()), "another study"),
        (report_on(photograph(study=uids(IMAGE)[0])), "another image"),
        (b"no DICOM", "none at all"),
    ],
)
def test_a_report_that_is_not_the_image_s_is_never_delivered(queue: Queue, report: bytes, why: str) -> None:
    Worker(queue, lambda _: report, no_pacs).step(item(queue))
    assert (item(queue).state, item(queue).problem) == ("failed", "report_of_another_study"), why


@pytest.mark.parametrize("failed", [False, True])
def test_a_report_on_an_image_that_was_corrected_meanwhile_is_never_delivered(queue: Queue, failed: bool) -> None:
    """The camera had the wrong patient; somebody corrects it in the PACS, which sends the image again."""
    delivered: list[tuple[bytes, str]] = []
    worker = Worker(queue, report_on, lambda report, study: delivered.append((report, study)))
    worker.step(item(queue))
    if failed:
        queue.fail(KEY, "pacs_409")
    corrected = photograph(study=uids(IMAGE)[0], instance=uids(IMAGE)[1], PatientID="the right one")
    assert queue.add(KEY, corrected) == failed
    assert item(queue).state == "answered"
    worker.step(item(queue))
    assert (item(queue).state, item(queue).problem, delivered) == ("received", "image_corrected", [])
    worker.step(item(queue))
    worker.step(item(queue))
    assert item(queue).state == "delivered"
    ((report, _),) = delivered
    assert belongs(report, identity(corrected))


@pytest.mark.parametrize("issuer", ["", "another hospital"])
def test_with_no_other_id_a_corrected_name_or_issuer_is_noticed(queue: Queue, issuer: str) -> None:
    """Once: should a report write the name otherwise than the image, it is asked for once more, and delivered."""
    first = photograph(PatientID="", PatientName="Wrong^One")
    key = identity(first).key
    queue.add(key, first)
    name = "Wrong^One" if issuer else "Right^One"
    study, instance = uids(first)
    corrected = photograph(study=study, instance=instance, PatientID="", PatientName=name, IssuerOfPatientID=issuer)
    asked, delivered = list[bytes](), list[bytes]()

    def ask(image: bytes) -> bytes:
        asked.append(image)
        return report_on(image)

    worker = Worker(queue, ask, lambda report, study: delivered.append(report))

    def step() -> str:
        worker.step(item(queue, key))
        return item(queue, key).state

    assert step() == "answered"
    queue.add(key, corrected)
    assert [step(), step(), step()] == ["received", "answered", "delivered"]
    assert (asked, len(delivered)) == ([first, corrected], 1)


@pytest.mark.parametrize("refused", [True, False])
def test_what_comes_again_while_the_service_looks_at_the_first_is_asked_about(queue: Queue, refused: bool) -> None:
    """What was cut off on its way is sent again, whole: neither a refusal nor a report of the first is its own."""
    whole, asked = photograph(study=uids(IMAGE)[0], instance=uids(IMAGE)[1], seed=1), list[bytes]()

    def ask(image: bytes) -> bytes:
        asked.append(image)
        if len(asked) == 1:
            queue.add(KEY, whole)
            if refused:
                raise Refused("service_corrupt_image")
        return report_on(image)

    worker = Worker(queue, ask, no_pacs)
    worker.step(item(queue))
    assert (item(queue).state, item(queue).problem, item(queue).attempts) == ("received", None, 0)
    worker.step(item(queue))
    assert (asked, item(queue).state) == ([IMAGE, whole], "answered")


def test_an_image_that_is_corrected_while_its_report_is_delivered_gets_its_own(queue: Queue) -> None:
    corrected = photograph(study=uids(IMAGE)[0], instance=uids(IMAGE)[1], PatientID="the right one")
    delivered: list[bytes] = []

    def deliver(report: bytes, study: str) -> None:
        delivered.append(report)
        if len(delivered) == 1:
            queue.add(KEY, corrected)

    worker = Worker(queue, report_on, deliver)
    for _ in range(5):  # answered, delivered too late, seen to be another's, answered, delivered
        worker.step(item(queue))
    assert item(queue).state == "delivered"
    assert [belongs(report, identity(corrected)) for report in delivered] == [False, True]


def test_nothing_is_asked_about_a_heatmap_of_the_service_s_own(tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    heatmap = photograph(sop_class=SecondaryCaptureImageStorage, modality="OT", Manufacturer="melanoserve")
    queue.add(identity(heatmap).key, heatmap)
    (waits,) = queue.items("received")
    Worker(queue, raises(AssertionError("nothing is to be asked")), no_pacs).step(waits)
    assert [found.problem for found in queue.items("failed")] == ["own_heatmap"]
    queue.close()


def test_what_is_refused_for_good_is_not_tried_again(queue: Queue) -> None:
    Worker(queue, raises(Refused("service_corrupt_image")), no_pacs).step(item(queue))
    assert (item(queue).state, item(queue).problem) == ("failed", "service_corrupt_image")
    assert queue.due(set()) is None
    assert queue.retry(KEY)


@pytest.mark.parametrize("trouble", [TryAgain("service_not_reachable"), TryAgain("service_unauthorized")])
def test_what_is_not_the_image_s_fault_is_tried_for_ever(queue: Queue, trouble: Trouble) -> None:
    worker = Worker(queue, raises(trouble), no_pacs)
    for _ in range(FAULTS + 5):
        worker.step(item(queue))
    assert (item(queue).state, item(queue).attempts) == ("received", FAULTS + 5)
    assert item(queue).due > time.time() + 15


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "no room"), sqlite3.OperationalError("disk is full")])
def test_a_disk_that_is_full_is_no_image_s_fault(queue: Queue, error: Exception) -> None:
    worker = Worker(queue, raises(error), no_pacs)
    for _ in range(FAULTS + 5):
        worker.step(item(queue))
    assert (item(queue).state, item(queue).faults) == ("received", 0)
    assert item(queue).problem == f"gateway_{type(error).__name__}"


def test_a_single_fault_after_an_outage_is_not_the_last(queue: Queue) -> None:
    for _ in range(FAULTS + 5):
        Worker(queue, raises(TryAgain("service_not_reachable")), no_pacs).step(item(queue))
    worker = Worker(queue, raises(Fault("service_internal_error")), no_pacs)
    for fault in range(1, FAULTS):
        worker.step(item(queue))
        assert (item(queue).state, item(queue).faults) == ("received", fault)
    Worker(queue, raises(TryAgain("service_not_reachable")), no_pacs).step(item(queue))
    worker.step(item(queue))
    assert item(queue).state == "failed"


@pytest.mark.parametrize("error", [Fault("service_internal_error"), KeyError("a bug"), FileNotFoundError("its file")])
def test_what_fails_again_and_again_over_one_image_ends(queue: Queue, error: Exception) -> None:
    worker = Worker(queue, raises(error), no_pacs)
    for attempt in range(1, FAULTS + 1):
        assert item(queue).state == "received", attempt
        worker.step(item(queue))
    assert item(queue).state == "failed"


def test_waits_double_are_spread_and_have_an_end() -> None:
    for attempts, longest in ((1, 1.0), (2, 2.0), (5, 16.0), (50, 60.0)):
        waits = [wait(attempts, None, 60.0) for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
    assert wait(1, 30.0, 60.0) == 30.0, "as the service asked"
    assert wait(1, 3600.0, 60.0) <= 60.0


def test_it_works_until_told_to_stop_and_finishes_its_step(queue: Queue) -> None:
    asked, go_on, stop = Event(), Event(), Event()

    def slow(image: bytes) -> bytes:
        asked.set()
        go_on.wait(60)
        return report_on(image)

    worker = Worker(queue, slow, no_pacs)
    threads = [Thread(target=worker.run, args=[stop]) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert asked.wait(60)
    stop.set()
    go_on.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert item(queue).state == "answered"


def test_a_disk_that_does_not_even_take_the_trouble_ends_nothing(queue: Queue) -> None:
    queue._sql.execute("CREATE TRIGGER full BEFORE UPDATE ON items BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    asked, stop = Event(), Event()

    def ask(image: bytes) -> bytes:
        asked.set()
        return report_on(image)

    worker = Worker(queue, ask, lambda report, study: stop.set(), longest_wait=0.1)
    thread = Thread(target=worker.run, args=[stop])
    thread.start()
    assert asked.wait(60)
    time.sleep(0.3)
    assert thread.is_alive()
    assert (item(queue).state, item(queue).attempts) == ("received", 0)
    queue._sql.execute("DROP TRIGGER full")
    assert stop.wait(60)
    thread.join(60)
    assert item(queue).state == "delivered"


def test_two_threads_never_take_the_same_item(queue: Queue) -> None:
    asked: list[bytes] = []
    done, stop = Event(), Event()

    def ask(image: bytes) -> bytes:
        asked.append(image)
        time.sleep(0.2)
        return report_on(image)

    worker = Worker(queue, ask, lambda report, study: done.set())
    threads = [Thread(target=worker.run, args=[stop]) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert done.wait(60)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert len(asked) == 1
