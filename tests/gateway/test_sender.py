"""Reports by C-STORE, to pynetdicom's SCP and over TLS."""

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, DEFAULT_TRANSFER_SYNTAXES, evt

from gateway.problems import Refused, TryAgain
from gateway.queue import Queue
from gateway.receiver import Receiver, listening
from gateway.sender import sender, store
from gateway.settings import Peer, Settings, read_settings
from tests.gateway.orthanc import free_port
from tests.gateway.samples import photograph, report_on, uids

REPORT = report_on(photograph())


@contextmanager
def archive(
    status: int = 0, sop_class: str = ComprehensiveSRStorage, syntaxes: Sequence[str] = DEFAULT_TRANSFER_SYNTAXES
) -> Iterator[tuple[Settings, list[Dataset]]]:
    """A PACS that stores what it is sent, or answers another status; with the settings that send to it."""
    stored: list[Dataset] = []

    def handle(event: evt.Event) -> int:
        stored.append(event.dataset)
        return status

    ae = AE("PACS")
    ae.require_called_aet = True
    ae.add_supported_context(sop_class, [*syntaxes])
    handlers: list[Any] = [(evt.EVT_C_STORE, handle)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield read_settings({"pacs_ae": f"PACS@127.0.0.1:{server.server_address[1]}", "timeout": "10"}), stored
    finally:
        server.shutdown()


def test_a_report_arrives_as_it_is() -> None:
    with archive() as (settings, stored):
        sender(settings, None)(REPORT, uids(REPORT)[0])
    assert stored == [dcmread(BytesIO(REPORT))]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_an_archive_that_reads_one_transfer_syntax_only_gets_it(syntax: str) -> None:
    """Implicit VR, as every archive does (PS3.5 10.1), or what the report is written in."""
    with archive(syntaxes=[syntax]) as (settings, stored):
        sender(settings, None)(REPORT, uids(REPORT)[0])
    assert stored == [dcmread(BytesIO(REPORT))]


@pytest.mark.parametrize("status", [0x0111, 0xB000])
def test_one_that_is_there_already_is_as_good(status: int) -> None:
    with archive(status) as (settings, stored):
        sender(settings, None)(REPORT, "")
    assert len(stored) == 1


def test_what_the_archive_says_decides_whether_to_try_again() -> None:
    with archive(0xA700) as (settings, _), pytest.raises(TryAgain, match="pacs_out_of_resources"):
        sender(settings, None)(REPORT, "")
    with archive(0xC000) as (settings, _), pytest.raises(Refused, match="pacs_refused_c000"):
        sender(settings, None)(REPORT, "")


def test_an_archive_that_takes_no_reports_is_no_report_s_fault() -> None:
    photographs_only = archive(sop_class="1.2.840.10008.5.1.4.1.1.7")
    with photographs_only as (settings, _), pytest.raises(TryAgain, match=r"^pacs_takes_no_reports$"):
        sender(settings, None)(REPORT, "")


def test_an_archive_that_does_not_know_the_title_says_so() -> None:
    with archive() as (settings, _), pytest.raises(TryAgain, match=r"^pacs_rejected$"):
        store(REPORT, Peer("ANOTHER", "127.0.0.1", settings.pacs_ae.port if settings.pacs_ae else 0), settings)


def test_a_name_that_nobody_knows_is_told() -> None:
    settings = read_settings({"pacs_ae": "PACS@pacs.invalid:104"})
    with pytest.raises(TryAgain, match=r"^pacs_unknown_host$"):
        sender(settings, None)(REPORT, "")


def test_an_archive_that_is_away_is_tried_again() -> None:
    settings = read_settings({"pacs_ae": f"PACS@127.0.0.1:{free_port()}"})
    with pytest.raises(TryAgain, match="pacs_no_association"):
        sender(settings, None)(REPORT, "")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One certificate that vouches for itself, for both sides."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(shlex.split(command) + files, check=True, capture_output=True)
    return {"tls_certificate": str(certificate), "tls_key": str(key), "tls_ca": str(certificate)}


def test_files_of_tls_that_are_being_renewed_are_no_report_s_fault(
    certificates: dict[str, str], tmp_path: Path
) -> None:
    files = {name: tmp_path / Path(file).name for name, file in certificates.items()}
    for name, file in certificates.items():
        files[name].write_bytes(Path(file).read_bytes())
    settings = read_settings({"pacs_ae": "PACS@localhost:1", **files})
    for change in (files["tls_key"].unlink, lambda: files["tls_key"].write_text("half of it")):
        change()
        with pytest.raises(TryAgain, match=r"^tls_files$"):
            sender(settings, None)(REPORT, "")


def test_tls_in_both_directions(certificates: dict[str, str], tmp_path: Path) -> None:
    """The sender speaks to the receiver, which takes photographs only; without a certificate nobody is answered."""
    image, queue = photograph(), Queue(tmp_path)
    ours = read_settings({"port": "0", "pacs_ae": "MELANOSERVE@localhost:1"} | certificates)
    with listening(ours, Receiver(queue, lambda: None)) as port:
        peer = Peer("MELANOSERVE", "localhost", port)
        store(image, peer, ours)
        assert queue.counts() == {"received": 1}
        with pytest.raises(TryAgain, match="pacs_no_association"):
            store(image, peer, read_settings({"pacs_ae": "MELANOSERVE@localhost:1", "timeout": "5"}))
    queue.close()
