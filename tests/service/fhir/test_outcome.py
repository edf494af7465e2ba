import httpx
import pytest

from service.fhir.outcome import issue_type, outcome
from service.problems import Overloaded, StateNotWritable, catalogue
from tests.running_service import Service
from tests.service.test_problem_responses import check_problem

FHIR = {"Accept": "application/fhir+json", "Content-Type": "image/png"}


def test_a_problem_keeps_its_code_and_its_detail() -> None:
    (issue,) = outcome(Overloaded.kind, "Too many.")["issue"]
    assert issue["details"]["coding"][0]["code"] == "overloaded"
    assert (issue["code"], issue["diagnostics"]) == ("transient", "Too many.")


def test_only_what_may_succeed_later_is_of_a_type_that_says_so() -> None:
    later = {"transient", "timeout", "throttled"}
    for kind in catalogue().values():
        assert (issue_type(kind) in later) == kind.retryable, kind
    assert issue_type(StateNotWritable.kind) == "exception"


def test_who_likes_fhir_better_is_told_in_fhir(client: httpx.Client) -> None:
    headers = {**FHIR, "Accept": "application/fhir+json, application/json;q=0.9"}
    answer = client.post("/classify", content=b"no image", headers=headers)
    assert answer.headers["content-type"] == "application/fhir+json"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/classify", 415, "unsupported_image_type"), ("/classify?version=99", 404, "unknown_version"),
     ("/grade?breslow=1", 400, "unknown_parameter"), ("/nothing", 404, "not_found")],
)  # fmt: skip
def test_who_takes_only_fhir_is_told_in_fhir(client: httpx.Client, path: str, status: int, code: str) -> None:
    answer = client.post(path, content=b"no image", headers=FHIR)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/fhir+json")
    assert answer.headers["vary"] == "Accept"
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    assert body["issue"][0]["details"]["coding"][0]["code"] == code


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "application/fhir+json, application/problem+json", "text/html",
     "application/json, application/fhir+json", "application/fhir+json;q=0.9, application/json"],
)  # fmt: skip
def test_whoever_else_is_told_by_problem_details(client: httpx.Client, accept: str) -> None:
    answer = client.post("/classify?version=99", content=b"no image", headers={**FHIR, "Accept": accept})
    status, code = (406, "not_acceptable") if accept == "text/html" else (404, "unknown_version")
    check_problem(answer, status, code)


def test_the_log_has_the_code_whatever_the_form(service: Service) -> None:
    service.client.post("/classify", content=b"no image", headers={**FHIR, "X-Request-ID": "outcome-1"})
    assert service.request("outcome-1")["code"] == "unsupported_image_type"
