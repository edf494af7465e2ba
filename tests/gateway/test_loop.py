"""The whole loop with real programs: an image goes into a PACS, and the service's report is in its study.

storescu or dicomweb-client -> Orthanc -> gateway -> service -> gateway -> Orthanc -> dicomweb-client, dciodvfy, dsrdump
"""

import io
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from pydicom import Dataset, dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from client import Client
from gateway.objects import DERMOSCOPIC_PHOTOGRAPHY, OURS, WANTED, identity, key_of
from gateway.sender import sender
from gateway.settings import read_settings
from tests.gateway.orthanc import PASSWORD, USER, Pacs, free_port, needs_debian, orthanc
from tests.gateway.running_gateway import Gateway, gateway, wait_for
from tests.gateway.samples import PATIENT, PATIENT_ID, photograph, uids
from tests.running_service import ROOT, Service, running
from tests.shipped import recent_store

pytestmark = needs_debian

Loop = tuple[Pacs, Gateway]
Send = Callable[[bytes, Loop, Path], None]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    store = recent_store(tmp_path_factory.mktemp("store") / "models")
    with running(store, tmp_path_factory.mktemp("service")) as started:
        yield started


@pytest.fixture(scope="module")
def loop(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """An Orthanc as it is shipped, and the gateway between it and the service; it looks seldom, it is sent to."""
    port, folder = free_port(), tmp_path_factory.mktemp("loop")
    settings = {"SERVICE_URL": service.client.base_url, "PORT": port, "CALLERS": "ORTHANC", "POLL_SECONDS": 3600}
    with orthanc(folder / "pacs", gateway_port=port) as pacs, gateway(folder / "state", pacs, **settings) as started:
        yield pacs, started


def web_of(pacs: Pacs) -> DICOMwebClient:
    return DICOMwebClient(pacs.web, session=create_session_from_user_pass(USER, PASSWORD))


def by_storescu(image: bytes, loop: Loop, folder: Path) -> None:
    file = folder / "image.dcm"
    file.write_bytes(image)
    command = ["storescu", "-R", "-xy", "-aec", "ORTHANC", "127.0.0.1", str(loop[0].dicom_port), str(file)]
    subprocess.run(command, check=True, timeout=60)


def by_stow(image: bytes, loop: Loop, folder: Path) -> None:
    web_of(loop[0]).store_instances([dcmread(io.BytesIO(image))])


def report_in(study: str, pacs: Pacs) -> Dataset:
    """The one report of a study, found by QIDO-RS and fetched by WADO-RS."""

    web = web_of(pacs)

    def found() -> list[dict[str, Any]]:
        return list(web.search_for_instances(study, search_filters={"Modality": "SR"}))

    wait_for(lambda: bool(found()))
    (row,) = (Dataset.from_json(one) for one in found())
    return web.retrieve_instance(study, row.SeriesInstanceUID, row.SOPInstanceUID)


@pytest.mark.parametrize(
    ("send", "image"),
    [
        pytest.param(
            by_storescu,
            photograph(1, sop_class=DERMOSCOPIC_PHOTOGRAPHY, modality="DMS", jpeg=True),
            id="dermoscopic photography in JPEG by storescu",
        ),
        pytest.param(by_stow, photograph(2), id="photograph by STOW-RS"),
        pytest.param(by_stow, photograph(6, modality="GM"), id="photograph of another modality"),
        pytest.param(
            by_storescu, photograph(7, sop_class=SecondaryCaptureImageStorage), id="captured photograph by storescu"
        ),
    ],
)
def test_an_image_comes_in_and_its_report_is_in_its_study(
    send: Send, image: bytes, loop: Loop, service: Service, tmp_path: Path
) -> None:
    send(image, loop, tmp_path)
    study, instance = uids(image)
    report = report_in(study, loop[0])
    assert (report.PatientName, report.PatientID, report.StudyInstanceUID) == (PATIENT, PATIENT_ID, study)
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert [one.ReferencedSOPInstanceUID for one in evidence] == [instance]
    flags = (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag)
    assert flags == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    file = tmp_path / "report.dcm"
    report.save_as(file, enforce_file_format=True)
    assert complaints(file) == []
    answer = service.client.post("/classify", content=image, headers={"Content-Type": "application/dicom"}).json()
    assert probability_of(report) == pytest.approx(100 * answer["probability"], abs=0.01)
    text = subprocess.run(["dsrdump", str(file)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "research use only" in text.lower()
    assert answer["model"]["sha256"] in text


def complaints(file: Path) -> list[str]:
    """Errors that dciodvfy finds."""
    said = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, timeout=60, check=False)
    return [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


def probability_of(report: Dataset) -> float:
    """The value of the content item (DCM 111047, Probability of cancer), in percent."""

    def items(dataset: Dataset) -> Iterator[Dataset]:
        for item in dataset.get("ContentSequence", []):
            yield item
            yield from items(item)

    (value,) = [
        item.MeasuredValueSequence[0]
        for item in items(report)
        if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeValue == "111047"
    ]
    assert value.MeasurementUnitsCodeSequence[0].CodeValue == "%"
    return float(value.NumericValue)


def test_a_heatmap_is_known_to_be_the_service_s_own(service: Service) -> None:
    with Client(str(service.client.base_url)) as client:
        heatmap = client.classify_objects(photograph(10), explain=True).heatmap
    assert heatmap is not None
    assert identity(heatmap).manufacturer == OURS != identity(photograph(10)).manufacturer


@pytest.mark.parametrize("way", ["STOW-RS", "C-STORE"])
def test_a_report_is_read_back_equal(way: str, service: Service, loop: Loop) -> None:
    pacs, _ = loop
    with Client(str(service.client.base_url)) as client:
        made = client.classify_dicom(photograph(3, modality="OT"))
    of = dcmread(io.BytesIO(made))
    if way == "STOW-RS":
        web_of(pacs).store_instances([of])
    else:
        settings = read_settings({"pacs_ae": f"ORTHANC@127.0.0.1:{pacs.dicom_port}"})
        sender(settings, None)(made, of.StudyInstanceUID)
    back = web_of(pacs).retrieve_instance(of.StudyInstanceUID, of.SeriesInstanceUID, of.SOPInstanceUID)
    assert back == of


def test_an_image_that_comes_twice_has_one_report(loop: Loop, tmp_path: Path) -> None:
    pacs, started = loop
    image = photograph(4)
    by_storescu(image, loop, tmp_path)
    report_in(uids(image)[0], pacs)
    file, peer = tmp_path / "image.dcm", ["-aet", "ORTHANC", "-aec", "MELANOSERVE", "127.0.0.1", str(started.port)]
    subprocess.run(["storescu", "-R", *peer, str(file)], check=True, timeout=60)
    wait_for(lambda: any(not event["new"] for event in started.events("received")))
    report_in(uids(image)[0], pacs)


def test_a_captured_paper_is_not_sent_to_the_gateway(loop: Loop, tmp_path: Path) -> None:
    pacs, started = loop
    paper, image = photograph(8, sop_class=SecondaryCaptureImageStorage, modality="OT"), photograph(9)
    for file in (paper, image):
        by_storescu(file, loop, tmp_path)
    report_in(uids(image)[0], pacs)
    received = {event["key"] for event in started.events("received")}
    assert key_of(uids(image)[1]) in received
    assert key_of(uids(paper)[1]) not in received


def test_orthanc_sends_what_the_gateway_takes() -> None:
    script = (ROOT / "docker" / "orthanc" / "forward.lua").read_text()
    assert set(re.findall(r"'([0-9.]{20,})'", script)) == set(WANTED)


def test_an_image_that_cannot_be_read_fails_and_says_why(loop: Loop, tmp_path: Path) -> None:
    _, started = loop
    by_storescu(photograph(5, BitsAllocated=1), loop, tmp_path)
    wait_for(lambda: bool(started.events("failed")))
    (failed,) = started.status()["items"]
    assert failed["state"] == "failed"
    assert failed["problem"].startswith("service_")
    for canary in (PATIENT, PATIENT_ID):
        assert canary not in started.log


def test_the_pacs_asks_for_a_password(loop: Loop) -> None:
    assert httpx.get(f"{loop[0].web}/studies").status_code == 401
