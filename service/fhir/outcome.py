"""A problem as an OperationOutcome, for clients that take nothing but FHIR."""

from typing import Literal, TypedDict

from service.fhir.codes import MELANOSERVE
from service.fhir.elements import CodeableConcept, concept
from service.problems import Kind

MEDIA_TYPE = "application/fhir+json"

OF_CODE = {
    "key_expired": "expired",
    "token_expired": "expired",
    "missing_file": "required",
    "deadline_exceeded": "timeout",
}
"""FHIR's issue types for some of our codes; of the others the status decides."""

OF_STATUS = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    413: "too-long",
    415: "not-supported",
    422: "structure",
    429: "throttled",
    431: "too-long",
    500: "exception",
    503: "transient",
    504: "timeout",
}


class Issue(TypedDict):
    """What is wrong; `details` has the problem's code, `diagnostics` its detail."""

    severity: Literal["error"]
    code: str
    details: CodeableConcept
    diagnostics: str


class OperationOutcome(TypedDict):
    """What a FHIR client is told instead of an answer."""

    resourceType: Literal["OperationOutcome"]
    issue: list[Issue]


def outcome(kind: Kind, detail: str) -> OperationOutcome:
    """The OperationOutcome of a problem.

    Args:
        kind: Of the problem.
        detail: What happened, in words for the client.
    """
    issue: Issue = {
        "severity": "error",
        "code": issue_type(kind),
        "details": concept(kind.title, {"system": MELANOSERVE, "code": kind.code}),
        "diagnostics": detail,
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def issue_type(kind: Kind) -> str:
    """FHIR's `issue-type` of a problem; of a 503 that repeating does not help, the service failed."""
    found = OF_CODE.get(kind.code) or OF_STATUS[kind.status]
    return "exception" if found == "transient" and not kind.retryable else found
