"""The poller against a real Orthanc."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.dicomweb import DicomWeb
from gateway.objects import identity, key_of
from gateway.poller import LOOKED, TROUBLE, Poller
from gateway.queue import Queue
from gateway.settings import read_settings
from tests.gateway.orthanc import PASSWORD, USER, Pacs, free_port, needs_debian
from tests.gateway.samples import photograph, uids

pytestmark = needs_debian
TODAY = datetime.now(UTC).date()


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
    assert not queue.knows(old)
    assert not queue.knows(video)
    queue.mark(LOOKED, (TODAY - timedelta(days=6)).isoformat())
    look(pacs.web, queue)
    assert queue.knows(old), "the gateway was away since then"
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
    assert all(roomy.knows(key) for key in keys)
    roomy.close()


def test_a_new_gateway_begins_with_the_day_of_its_first_start(queue: Queue) -> None:
    look(f"http://127.0.0.1:{free_port()}", queue)
    assert queue.marked(LOOKED) == TODAY.isoformat()


def test_a_key_is_that_of_what_is_found() -> None:
    image = photograph()
    assert key_of(uids(image)[1]) == identity(image).key
