"""DICOMweb against a real Orthanc."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from pydicom import dcmread
from pydicom.uid import JPEGBaseline8Bit, generate_uid

from gateway import dicomweb
from gateway.dicomweb import PAGE, DicomWeb, Found
from gateway.problems import Away, Fault, Refused, Trouble, TryAgain
from gateway.settings import read_settings
from tests.gateway.answering_pacs import answering, row
from tests.gateway.orthanc import PASSWORD, USER, Pacs, free_port, needs_debian
from tests.gateway.samples import photograph, report_on, uids

pytestmark = needs_debian
TODAY = datetime.now(UTC).strftime("%Y%m%d")
REPORT = report_on(photograph())
STUDY, INSTANCE = uids(REPORT)


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
    found = instances(web, "DMS")
    assert wanted <= set(found)
    assert not others & set(found)
    assert len(found) == len(set(found))


def test_an_image_is_fetched_as_it_is_stored(pacs: Pacs, web: DicomWeb) -> None:
    image = photograph(jpeg=True, modality="XC")
    instance = stored(pacs, image)
    (found,) = [one for one in web.find("XC", TODAY) if one is not None and one.instance == instance]
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


def instances(web: DicomWeb, modality: str = "XC", since: str = TODAY) -> list[str]:
    return [found.instance for found in web.find(modality, since) if found is not None]


def told(failed: object = None, stored: object = None) -> dict[str, object]:
    """An answer to STOW-RS with such sequences."""
    sequences = {"00081198": failed, "00081199": stored}
    return {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items is not None}


DUPLICATE, NO_ROOM, NEVER = ([{"00081197": {"vr": "US", "Value": [code]}}] for code in (0x0111, 0xA700, 0xC000))
WITHOUT_REASON = [{"00081155": {"vr": "UI", "Value": [INSTANCE]}}]
XML = (
    b'<NativeDicomModel><DicomAttribute tag="00081198" vr="SQ"><Item number="1"><DicomAttribute tag="00081197" vr="US">'
    b'<Value number="1">272</Value></DicomAttribute></Item></DicomAttribute></NativeDicomModel>'
)


def answers_to_stow(status: int, body: bytes, rows: httpx.Response) -> DicomWeb:
    """A PACS that answers a report so, and so whoever asks what it has."""
    return answering(lambda request: httpx.Response(status, content=body) if request.method == "POST" else rows)


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (told(NO_ROOM, []), TryAgain, "pacs_out_of_resources"),
        ([told(NO_ROOM)], TryAgain, "pacs_out_of_resources"),
        (told(NEVER), Refused, "pacs_refused_c000"),
        ([told(NEVER)], Refused, "pacs_refused_c000"),
        (told(WITHOUT_REASON, []), Fault, "pacs_no_reason"),
        ([told(WITHOUT_REASON)], Fault, "pacs_no_reason"),
    ],
)
def test_a_report_that_is_told_to_have_failed_is_not_delivered(
    status: int, answer: object, error: type[Trouble], code: str
) -> None:
    web = answers_to_stow(status, json.dumps(answer).encode(), httpx.Response(200, json=[row(INSTANCE)]))
    with pytest.raises(error, match=f"^{code}$") as raised:
        web.store(REPORT, STUDY)
    assert type(raised.value) is error


@pytest.mark.parametrize("answer", [told([], WITHOUT_REASON), [told(None, WITHOUT_REASON)], told(DUPLICATE)])
def test_a_report_that_is_told_to_be_there_is_delivered(answer: object) -> None:
    answers_to_stow(202, json.dumps(answer).encode(), httpx.Response(500)).store(REPORT, STUDY)


def test_a_report_that_is_refused_with_409_is_delivered_if_it_is_there_already() -> None:
    for answer in (told(DUPLICATE), [told(DUPLICATE)]):
        answers_to_stow(409, json.dumps(answer).encode(), httpx.Response(500)).store(REPORT, STUDY)
    for body, code in ((json.dumps([told(NEVER)]).encode(), "pacs_refused_c000"), (XML, "pacs_409")):
        with pytest.raises(Refused, match=f"^{code}$"):
            answers_to_stow(409, body, httpx.Response(500)).store(REPORT, STUDY)


def test_an_empty_200_says_that_all_was_stored_and_an_empty_202_does_not() -> None:
    answers_to_stow(200, b"", httpx.Response(500)).store(REPORT, STUDY)
    with pytest.raises(TryAgain, match="pacs_unclear_answer"):
        answers_to_stow(202, b"", httpx.Response(204)).store(REPORT, STUDY)


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("body", [XML, b"<html>", b"null", b"[7]", b"{}", b'{"00081199": []}'])
def test_an_answer_that_is_not_understood_is_no_delivery_unless_the_report_is_there(status: int, body: bytes) -> None:
    answers_to_stow(status, body, httpx.Response(200, json=[row("1.4"), row(INSTANCE)])).store(REPORT, STUDY)
    for rows in (httpx.Response(204), httpx.Response(200, json=[row("1.4")]), httpx.Response(400)):
        with pytest.raises(TryAgain, match="pacs_unclear_answer"):
            answers_to_stow(status, body, rows).store(REPORT, STUDY)


def test_a_pacs_that_is_away_is_tried_again() -> None:
    with web_of(f"http://127.0.0.1:{free_port()}") as web, pytest.raises(Away, match="pacs_ConnectError"):
        list(web.find("XC", TODAY))


def test_an_image_that_cannot_be_unpacked_or_asked_for_may_be_another_time() -> None:
    web = answering(lambda request: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=b"no gzip"))
    for instance, code in (("1.4", "pacs_DecodingError"), ("1.4\0", "pacs_InvalidURL")):
        with pytest.raises(TryAgain, match=code) as raised:
            web.fetch(Found("1.1", "1.2", "1.3", instance))
        assert not isinstance(raised.value, Away), "it is about this image"


@pytest.mark.parametrize("reordered", [False, True])
def test_a_pacs_that_knows_nothing_of_pages_is_asked_twice_at_most(reordered: bool) -> None:
    page = [row(f"1.4.{number}") for number in range(PAGE + 50)]
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if reordered:
            page.reverse()
        return httpx.Response(200, json=page)

    assert len(list(answering(answer).find("XC", TODAY))) == len(page)
    assert len(asked) == 2


@pytest.mark.parametrize("last", [httpx.Response(204), httpx.Response(200, json=[])])
def test_a_pacs_that_gives_less_than_it_is_asked_for_is_asked_for_the_rest(last: httpx.Response) -> None:
    everything = [f"1.4.{number}" for number in range(120)]

    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        page = [row(instance) for instance in everything[offset : offset + 50]]
        return httpx.Response(200, json=page) if page else last

    assert instances(answering(answer)) == everything


def test_an_image_that_comes_on_two_pages_is_found_once() -> None:
    pages = [["1.1", "1.2"], ["1.2", "1.3"], []]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[row(instance) for instance in pages.pop(0)])

    assert instances(answering(answer)) == ["1.1", "1.2", "1.3"]


@pytest.mark.parametrize("modality", ["XC", "X*"])
def test_what_was_not_asked_for_is_left_alone_by_whom_the_pacs_knows_no_conditions(modality: str) -> None:
    """As PS3.18 8.3.4.1 allows: a parameter that is not supported is ignored."""
    said: dict[str, list[dict[str, Any]]] = {
        "1.1": [],
        "1.2": [{"00080060": {"vr": "CS", "Value": ["XC"]}, "00080020": {"vr": "DA", "Value": ["20260105"]}}],
        "1.3": [{"00080060": {"vr": "CS", "Value": ["OT"]}, "00080020": {"vr": "DA", "Value": ["20260105"]}}],
        "1.4": [{"00080060": {"vr": "CS", "Value": ["XC"]}, "00080020": {"vr": "DA", "Value": ["20260103"]}}],
        "1.5": [{"00080060": {"vr": "CS"}, "00080020": {"vr": "DA", "Value": ["2026.01.03"]}}],
    }
    rows = [row(instance) | (more[0] if more else {}) for instance, more in said.items()]
    web = answering(lambda request: httpx.Response(200, json=rows if request.url.params["offset"] == "0" else []))
    assert instances(web, modality, "20260104") == ["1.1", "1.2", "1.5"]


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'[{"00080018": {}}]'])
def test_another_program_at_the_address(body: bytes) -> None:
    web = answering(lambda request: httpx.Response(200, content=body))
    if body.startswith(b"["):
        assert list(web.find("XC", TODAY)) == [None], "it is told"
    else:
        with pytest.raises(TryAgain):
            list(web.find("XC", TODAY))
