"""DICOMweb against a real Orthanc."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO

import httpx
import pytest
from pydicom import dcmread
from pydicom.uid import JPEGBaseline8Bit, generate_uid

from gateway import dicomweb
from gateway.dicomweb import PAGE, DicomWeb, Found
from gateway.problems import Refused, Trouble, TryAgain
from gateway.settings import read_settings
from tests.gateway.orthanc import PASSWORD, USER, Pacs, free_port, needs_debian
from tests.gateway.samples import photograph, report_on, uids

pytestmark = needs_debian
TODAY = datetime.now(UTC).strftime("%Y%m%d")


@contextmanager
def web_of(url: str, password: str = PASSWORD) -> Iterator[DicomWeb]:
    web = DicomWeb.of(read_settings({"pacs_url": url, "pacs_user": USER, "pacs_password": password}))
    with web.http:
        yield web


@pytest.fixture
def web(pacs: Pacs) -> Iterator[DicomWeb]:
    with web_of(pacs.web) as opened:
        yield opened


def stored(pacs: Pacs, image: bytes) -> str:
    pacs.http.post("/instances", content=image).raise_for_status()
    return uids(image)[1]


def test_images_are_found_page_by_page_from_a_day_on(
    pacs: Pacs, web: DicomWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb, "PAGE", 2)
    old = (datetime.now(UTC) - timedelta(days=9)).strftime("%Y%m%d")
    wanted = {stored(pacs, photograph(modality="DMS")) for _ in range(5)}
    others = {stored(pacs, photograph(modality="XC")), stored(pacs, photograph(modality="DMS", StudyDate=old))}
    found = [one.instance for one in web.find("DMS", TODAY)]
    assert wanted <= set(found)
    assert not others & set(found)
    assert len(found) == len(set(found))


def test_an_image_is_fetched_as_it_is_stored(pacs: Pacs, web: DicomWeb) -> None:
    image = photograph(jpeg=True, modality="XC")
    instance = stored(pacs, image)
    (found,) = [one for one in web.find("XC", TODAY) if one.instance == instance]
    fetched = dcmread(BytesIO(web.fetch(found)))
    assert fetched == dcmread(BytesIO(image))
    assert fetched.file_meta.TransferSyntaxUID == JPEGBaseline8Bit


def test_an_image_that_is_not_there_is_not_fetched(web: DicomWeb) -> None:
    uid = generate_uid()
    with pytest.raises(Trouble):
        web.fetch(Found("1.2", uid, uid, uid))


def test_a_report_is_stored_once_however_often_it_is_sent(pacs: Pacs, web: DicomWeb) -> None:
    image = photograph()
    stored(pacs, image)
    report = report_on(image)
    study, instance = uids(report)
    web.store(report, study)
    web.store(report, study)
    rows = [row["00080018"]["Value"][0] for row in pacs.reports() if row["0020000D"]["Value"][0] == study]
    assert rows == [instance]


def test_what_the_pacs_cannot_read_it_refuses(web: DicomWeb) -> None:
    with pytest.raises(Refused):
        web.store(b"no DICOM", generate_uid())


def test_a_wrong_password_is_no_report_s_fault(pacs: Pacs) -> None:
    with web_of(pacs.web, "wrong") as web, pytest.raises(TryAgain, match="pacs_401"):
        web.store(report_on(photograph()), generate_uid())


def test_a_pacs_that_is_away_is_tried_again() -> None:
    with web_of(f"http://127.0.0.1:{free_port()}") as web, pytest.raises(TryAgain, match="pacs_ConnectError"):
        list(web.find("XC", TODAY))


def test_a_pacs_that_knows_nothing_of_pages_is_asked_twice_at_most() -> None:
    tags = {"00080016": "1.2.840.10008.5.1.4.1.1.77.1.4", "0020000D": "1.2", "0020000E": "1.3"}
    page = [
        {tag: {"vr": "UI", "Value": [value]} for tag, value in (tags | {"00080018": f"1.4.{number}"}).items()}
        for number in range(PAGE + 50)
    ]
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=page)

    web = DicomWeb(httpx.Client(base_url="http://pacs", transport=httpx.MockTransport(answer)))
    assert len(list(web.find("XC", TODAY))) == len(page)
    assert len(asked) == 2


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'[{"00080018": {}}]'])
def test_another_program_at_the_address(body: bytes) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    web = DicomWeb(httpx.Client(base_url="http://pacs", transport=transport))
    if body.startswith(b"["):
        assert list(web.find("XC", TODAY)) == []
    else:
        with pytest.raises(TryAgain):
            list(web.find("XC", TODAY))
