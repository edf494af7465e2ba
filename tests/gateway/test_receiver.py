"""The receiver, asked by DCMTK's and pynetdicom's clients over a real socket."""

import socket
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    VLPhotographicImageStorage,
    generate_uid,
)
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from gateway import log
from gateway.objects import DERMOSCOPIC_PHOTOGRAPHY, identity
from gateway.queue import Queue
from gateway.receiver import (
    CANNOT_UNDERSTAND,
    DOES_NOT_MATCH,
    INVALID_INSTANCE,
    OUT_OF_RESOURCES,
    SUCCESS,
    Receiver,
    listening,
)
from gateway.settings import read_settings
from tests.gateway.orthanc import needs_debian
from tests.gateway.running_gateway import wait_for
from tests.gateway.samples import photograph

OURS = "MELANOSERVE"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    opened = Queue(tmp_path / "state", max_items=3)
    yield opened
    opened.close()


@pytest.fixture
def port(queue: Queue) -> Iterator[int]:
    settings = read_settings({"port": "0", "callers": "CAMERA, STORESCU, ECHOSCU", "pacs_ae": "PACS@127.0.0.1:1"})
    with listening(settings, Receiver(queue, lambda: None)) as at:
        yield at


def associate(
    port: int, sop_class: str, syntax: str = ExplicitVRLittleEndian, *, caller: str = "CAMERA"
) -> Association:
    ae = AE(caller)
    ae.add_requested_context(sop_class, syntax)
    return ae.associate("127.0.0.1", port, ae_title=OURS)


def send(port: int, image: bytes) -> int:
    dataset = dcmread(BytesIO(image))
    association = associate(port, dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.TransferSyntaxUID)
    assert association.is_established
    status = association.send_c_store(dataset)
    association.release()
    return int(status.Status)


@pytest.mark.parametrize(
    ("sop_class", "modality", "jpeg"),
    [
        (VLPhotographicImageStorage, "XC", True),
        (DERMOSCOPIC_PHOTOGRAPHY, "DMS", False),
        (SecondaryCaptureImageStorage, "OT", False),
    ],
)
def test_what_is_acknowledged_is_in_the_queue_as_it_was_sent(
    port: int, queue: Queue, sop_class: str, modality: str, jpeg: bool
) -> None:
    image = photograph(sop_class=sop_class, modality=modality, jpeg=jpeg)
    assert send(port, image) == SUCCESS
    stored = queue.spool.read(f"{identity(image).key}.image")
    assert dcmread(BytesIO(stored)) == dcmread(BytesIO(image))
    assert dcmread(BytesIO(stored)).file_meta.TransferSyntaxUID == dcmread(BytesIO(image)).file_meta.TransferSyntaxUID


def test_an_image_that_comes_twice_is_acknowledged_twice_and_queued_once(port: int, queue: Queue) -> None:
    image = photograph()
    assert [send(port, image), send(port, image)] == [SUCCESS, SUCCESS]
    assert queue.counts() == {"received": 1}


def test_a_queue_that_is_full_says_so_and_the_sender_may_try_later(port: int, queue: Queue) -> None:
    images = [photograph() for _ in range(4)]
    assert [send(port, image) for image in images] == [SUCCESS, SUCCESS, SUCCESS, OUT_OF_RESOURCES]
    queue.answered(key := identity(images[0]).key, b"report")
    queue.delivered(key)
    assert send(port, images[3]) == SUCCESS


def test_a_disk_that_does_not_take_it_is_said_so_and_the_receiver_goes_on(port: int, queue: Queue) -> None:
    queue._sql.execute("CREATE TRIGGER full BEFORE INSERT ON items BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    assert send(port, photograph()) == OUT_OF_RESOURCES
    queue._sql.execute("DROP TRIGGER full")
    assert send(port, photograph()) == SUCCESS


def test_objects_that_are_not_what_the_request_says_are_refused(port: int, queue: Queue) -> None:
    association = associate(port, VLPhotographicImageStorage)
    changes: list[tuple[str, str, int]] = [
        ("SOPClassUID", SecondaryCaptureImageStorage, DOES_NOT_MATCH),
        ("SOPInstanceUID", generate_uid(), INVALID_INSTANCE),
        ("StudyInstanceUID", "", CANNOT_UNDERSTAND),
    ]
    for name, value, status in changes:
        assert _send_changed(association, name, value) == status, name
    association.release()
    assert queue.counts() == {}


def _send_changed(association: Association, name: str, value: str) -> int:
    """Status of a C-STORE whose command is right and whose data set was changed, which `send_c_store` would refuse."""
    image = dcmread(BytesIO(photograph()))
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    setattr(image, name, value)
    request.DataSet = BytesIO(encode(image, False, True) or b"")
    association._reactor_checkpoint.clear()
    wait_for(lambda: association._is_paused)
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id or 0)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert isinstance(response, C_STORE)
    return response.Status or 0


def test_what_is_no_photograph_gets_no_presentation_context(port: int) -> None:
    association = associate(port, CTImageStorage)
    assert not association.is_established or not association.accepted_contexts
    association.abort()


def test_titles_that_may_not_send_are_rejected_and_the_log_says_why(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", log.logger.name)
    assert associate(port, VLPhotographicImageStorage, caller="STRANGER").is_rejected
    ae = AE("CAMERA")
    ae.add_requested_context(VLPhotographicImageStorage)
    assert ae.associate("127.0.0.1", port, ae_title="ANOTHER").is_rejected
    associate(port, CTImageStorage).abort()
    wait_for(lambda: len(told(caplog)) == 3)
    assert set(told(caplog)) == {"unknown_caller", "unknown_title", "no_photographs"}


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n"], ids=["nothing", "no DICOM"])
def test_whoever_only_knocks_keeps_no_camera_out(port: int, said: bytes) -> None:
    """As health checks do every few seconds; ten associations may be open at once."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as knocking:
            knocking.sendall(said)

    def is_let_in() -> bool:
        association = associate(port, VLPhotographicImageStorage)
        association.release()
        return bool(association.is_released)

    wait_for(is_let_in, 20)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why the log says that somebody was turned away."""
    return [record.fields["problem"] for record in caplog.records if record.msg == "rejected"]  # type: ignore[attr-defined]


@needs_debian
def test_dcmtk_is_answered(port: int, queue: Queue, tmp_path: Path) -> None:
    """C-ECHO, and C-STORE of a JPEG; storescu proposes what is in its files with -R, and JPEG with -xy."""
    peer = ["-aec", OURS, "127.0.0.1", str(port)]
    assert subprocess.run(["echoscu", *peer], timeout=120, check=False).returncode == 0
    file = tmp_path / "image.dcm"
    file.write_bytes(photograph(sop_class=DERMOSCOPIC_PHOTOGRAPHY, modality="DMS", jpeg=True))
    sent = ["storescu", "-R", "-xy", *peer, str(file)]
    assert subprocess.run(sent, timeout=120, check=False).returncode == 0
    assert queue.counts() == {"received": 1}
    with_its_title = ["echoscu", "-aet", "STRANGER", *peer]
    assert subprocess.run(with_its_title, capture_output=True, timeout=120, check=False).returncode != 0
