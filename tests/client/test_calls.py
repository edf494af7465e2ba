import io
from decimal import Decimal
from typing import Any

import httpx
import pytest

from client import calls
from client.errors import Unavailable, UnexpectedAnswer
from tests.client.unreliable import PROBLEM


def test_no_file_name_is_sent() -> None:
    call = calls.classify_batch([b"one", b"two"], {})
    request = httpx.Request("POST", "http://x", files=call.options["files"])
    request.read()
    assert request.content.count(b'filename="image"') == 2
    assert b"Content-Disposition" not in calls.classify(b"one", {}).options["content"]


@pytest.mark.parametrize("image", ["name.png", None, 3, io.StringIO("text")])
def test_what_is_no_image_is_told_what_one_can_be(image: Any) -> None:
    asked = r"give a Path, bytes or a file opened with 'rb'; for a file's name, Path\(name\)"
    for call in (calls.classify, calls.grade, calls.classify_fhir, calls.grade_dicom, calls.classify_objects):
        with pytest.raises(TypeError, match=asked):
            call(image, {})
    with pytest.raises(TypeError, match=asked):
        calls.classify_batch([b"one", image], {})
    with pytest.raises(TypeError, match=asked):
        calls.grade_batch("name.png", {})  # type: ignore[arg-type]


def test_an_open_file_is_read() -> None:
    assert calls.classify(io.BytesIO(b"one"), {}).options["content"] == b"one"


def test_a_batch_of_nothing_is_not_sent() -> None:
    for call in (calls.classify_batch, calls.grade_batch):
        with pytest.raises(ValueError, match="there is no image to ask about"):
            call([], {})


def test_options_are_written_as_the_service_reads_them() -> None:
    call = calls.grade(b"x", {"explain": True, "version": 3, "breslow_mm": Decimal("1.40"), "n": "N1a"})
    assert call.options["params"] == {"explain": "true", "version": "3", "breslow_mm": "1.40", "n": "N1a"}


def test_what_a_program_does_not_know_is_not_asked_for() -> None:
    """None would reach the service as a label of that name."""
    options: calls.GradeOptions = {
        "version": None,
        "label": None,
        "frame": None,
        "ulcerated": None,
        "n": "0",
        "m": None,
    }
    assert calls.grade(b"x", options).options["params"] == {"n": "0"}
    assert calls.grade_batch([b"x"], {"operating_point": None}).options["params"] == {}


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("-1", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_how_long_to_wait_is_read_from_the_header(header: str, seconds: float | None) -> None:
    request = httpx.Request("GET", "http://x")
    headers = {"Content-Type": "application/problem+json", "Retry-After": header}
    response = httpx.Response(503, json=PROBLEM, headers=headers, request=request)
    with pytest.raises(Unavailable) as refused:
        calls.ready().result(response)
    assert refused.value.retry_after == seconds


def test_what_is_no_dicom_file_is_none() -> None:
    """A service that makes no reports answers JSON or refuses; a proxy may answer anything."""
    call = calls.grade_dicom(b"x", {"always": True})
    assert call.options["headers"]["Accept"] == "application/dicom"
    assert (call.path, call.options["params"]) == ("/grade", {"always": "true"})
    request = httpx.Request("POST", "http://x")
    file = b"\0" * 128 + b"DICM" + b"..."
    assert call.result(httpx.Response(200, content=file, request=request)) == file
    for body in (b"{}", b"", b"<html>"):
        with pytest.raises(UnexpectedAnswer):
            calls.classify_dicom(b"x", {}).result(httpx.Response(200, content=body, request=request))


def test_an_answer_of_another_form() -> None:
    response = httpx.Response(200, json={"models": [{"name": 3}]}, request=httpx.Request("GET", "http://x"))
    with pytest.raises(UnexpectedAnswer, match="something else than this client knows"):
        calls.models().result(response)
