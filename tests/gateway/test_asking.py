"""What becomes of the service's answers, by a server that gives them as a test tells it to."""

from contextlib import closing, suppress

import pytest

from gateway.asking import Service
from gateway.problems import Fault, Refused, TryAgain
from gateway.settings import read_settings
from tests.client.recorder import recording_proxy
from tests.client.unreliable import PROBLEM, answer, unreliable
from tests.gateway.orthanc import free_port


def ask(url: str) -> bytes:
    settings = read_settings({"service_url": url, "pacs_ae": "PACS@localhost:1", "timeout": "5"})
    with closing(Service(settings)) as service:
        return service.ask(b"an image")


def problem(status: int, code: str, **headers: str) -> bytes:
    members = PROBLEM | {"status": status, "code": code}
    return answer(status, members, "application/problem+json", **headers)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (422, "corrupt_image", Refused),
        (415, "unsupported_media_type", Refused),
        (413, "image_too_large", Refused),
        (400, "malformed_request", TryAgain),
        (500, "internal_error", Fault),
        (504, "deadline_exceeded", Fault),
        (401, "unauthorized", TryAgain),
        (403, "insufficient_scope", TryAgain),
        (404, "unknown_version", TryAgain),
        (406, "not_acceptable", TryAgain),
        (503, "overloaded", TryAgain),
    ],
)
def test_problems_are_sorted_by_whose_they_are(status: int, code: str, error: type[Exception]) -> None:
    with unreliable(problem(status, code)) as server, pytest.raises(error) as caught:
        ask(server.url)
    assert type(caught.value) is error
    assert str(caught.value) == f"service_{code}"


def test_the_service_says_how_long_to_wait() -> None:
    headers = {"Retry-After": "7"}
    with unreliable(problem(503, "overloaded", **headers)) as server, pytest.raises(TryAgain) as caught:
        ask(server.url)
    assert caught.value.seconds == 7


def test_a_service_that_is_away_or_another_program_is_tried_again() -> None:
    with pytest.raises(TryAgain, match="service_not_reachable"):
        ask(f"http://127.0.0.1:{free_port()}")
    with unreliable(answer(200, {"no": "report"})) as server, pytest.raises(TryAgain, match="unexpected_answer"):
        ask(server.url)


def test_images_go_to_the_service_and_to_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording_proxy(monkeypatch) as got, unreliable(answer(200, b"a report", "application/dicom")) as server:
        with pytest.raises(TryAgain):
            ask("http://service.invalid:8000")
        with suppress(Refused, TryAgain):
            ask(server.url)
        assert (server.requests, got) == (1, [])
