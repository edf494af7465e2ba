import pytest

from dermoscopy.errors import CorruptImage
from model_store.errors import UnknownVersion
from service.problem_members import problem_members, told
from service.problems import InternalError, Overloaded, kind_of
from tests.running_service import Service


@pytest.mark.parametrize(
    ("error", "status", "code", "retryable"),
    [
        (Overloaded("Too many at once."), 503, "overloaded", True),
        (CorruptImage("Its end is missing."), 422, "corrupt_image", False),
        (UnknownVersion("There is no version 7."), 404, "unknown_version", False),
    ],
)
def test_an_error_that_is_known_is_told_in_its_own_words(
    error: Exception, status: int, code: str, retryable: bool
) -> None:
    kind = kind_of(error)
    assert kind is not None
    assert problem_members(error, "some-id") == {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": status,
        "detail": str(error),
        "code": code,
        "retryable": retryable,
        "request_id": "some-id",
    }
    assert told(error) == (error, kind)


def test_of_one_that_nobody_expected_nothing_is_told() -> None:
    error, kind = told(KeyError("CANARY"))
    assert (type(error), kind) == (InternalError, InternalError.kind)
    members = problem_members(KeyError("CANARY"), "some-id")
    assert (members["code"], members["status"], members["retryable"]) == ("internal_error", 500, False)
    assert members["detail"]
    assert "CANARY" not in str(members)


def test_they_are_what_a_client_reads_and_what_each_file_of_a_batch_has(service: Service) -> None:
    expected = problem_members(ValueError(), "").keys()
    assert service.client.post("/classify", content=b"text").json().keys() == expected
    (of_file,) = service.client.post("/classify/batch", files={"files": b"text"}).json()["items"]
    assert of_file["problem"].keys() == expected
