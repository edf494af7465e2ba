"""Every error as `application/problem+json`, also those that FastAPI and Starlette raise themselves; to a client that
wants FHIR and not JSON, as an OperationOutcome."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from dermoscopy.errors import ImageError
from model_store.errors import StoreError
from service.fhir import outcome
from service.negotiation import VARY, accept_of, negotiate
from service.openapi import OUTCOME, PROBLEM, reference
from service.parameters import parameter_problem
from service.problem_members import problem_members, told
from service.problems import (
    MEDIA_TYPE,
    MethodNotAllowed,
    NotFound,
    Problem,
    catalogue,
)

FORMS = (MEDIA_TYPE, "application/json", outcome.MEDIA_TYPE)
"""Of an error. Whoever takes JSON, as one does who would be answered in it, is told by the first; so is whoever takes
none of them."""


def problem_response(error: Exception, scope: Scope, members: Mapping[str, object] | None = None) -> Response:
    """The answer to a request that failed.

    Args:
        error: A Problem, or an error that FOREIGN knows; any other becomes an `internal_error` that says nothing.
        scope: The request's ASGI scope, of which only `state` and `headers` are used. Who likes FHIR better than JSON
            and problem details is told by an OperationOutcome.
        members: Extension members, such as /readyz's list of models.
    """
    error, kind = told(error)
    state = scope["state"]
    state["problem"] = kind.code
    headers = VARY if kind.retry_after is None else {**VARY, "Retry-After": str(kind.retry_after)}
    if isinstance(error, Problem):
        headers = {**headers, **error.headers}
    if negotiate(accept_of(Headers(scope=scope)), FORMS) == FORMS.index(outcome.MEDIA_TYPE):
        body: Mapping[str, object] = outcome.outcome(kind, str(error))
        return Response(json.dumps(body), kind.status, headers, outcome.MEDIA_TYPE)
    body = {**problem_members(error, state["request_id"]), **(members or {})}
    return Response(json.dumps(body), kind.status, headers, MEDIA_TYPE)


RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to ask again; absent where that cannot help.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_WITH_RETRY_AFTER = frozenset(kind.status for kind in catalogue().values() if kind.retryable)


def described(*statuses: int, schema: Mapping[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of a route's errors.

    Args:
        statuses: Those that it can have.
        schema: Of the problem, where it has members that others have not.
    """
    content = {MEDIA_TYPE: {"schema": schema or reference(PROBLEM)}, outcome.MEDIA_TYPE: {"schema": OUTCOME}}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": content,
            **({"headers": RETRY_AFTER} if status in _WITH_RETRY_AFTER else {}),
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Registers the handlers; what none of them takes is left to the middleware."""
    for family in (Problem, ImageError, StoreError):
        app.add_exception_handler(family, _answer)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)


async def _answer(request: Request, error: Exception) -> Response:
    return problem_response(error, request.scope)


async def _answer_http(request: Request, error: Exception) -> Response:
    """Starlette raises these two itself; ours never raises an HTTPException."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem_response(NotFound("There is nothing at this path; /docs lists what there is."), request.scope)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        if allowed == "GET":
            allowed = "GET, HEAD"  # see `RequestContext`
        detail = f"This path takes {allowed}."
        return problem_response(MethodNotAllowed(detail, headers={"Allow": allowed}), request.scope)
    raise error


async def _answer_validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return problem_response(parameter_problem(error.errors()), request.scope)
