"""GET /audit, for who has the scope `audit`: rows of the trail as JSON or CSV, and the head of its chain."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationError, field_validator

from service.answers import Answer
from service.audit.entry import Event, in_years_that_are_kept
from service.audit.text import csv_lines
from service.context import Context, Shared
from service.negotiation import accept_of, negotiate
from service.parameters import StrictQuery, no_query, nothing_twice
from service.problem_responses import described
from service.problems import AuditUnavailable, NotAcceptable, NotFound

CSV = "text/csv"
_JSON = "application/json"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]")


async def _may_read(request: Request, context: Shared) -> None:
    await context.authorise(request, "audit")
    if not context.trail.enabled:
        raise NotFound("This service keeps no audit trail: MELANOSERVE_AUDIT is off.")


def _written_out(given: object) -> object:
    """Pydantic takes a bare number for seconds since 1970, which nobody means who leaves out half of a date."""
    if isinstance(given, str) and not _DATE.match(given):
        raise ValueError("a moment is written like 2026-11-26T00:00:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(in_years_that_are_kept)]

router = APIRouter(
    prefix="/audit",
    tags=["audit"],
    dependencies=[Depends(_may_read)],
    responses=described(400, 401, 403, 404, 406, 429, 503),
)


class AuditQuery(StrictQuery):
    """Which rows are wanted: those that fit everything that is given."""

    since: Moment | None = None
    """From this moment on, such as 2026-11-26T00:00:00Z."""
    until: Moment | None = None
    """Before this moment."""
    event: Event | None = None
    request_id: str | None = Field(None, min_length=1, max_length=64)
    key: str | None = Field(None, min_length=1, max_length=100)
    """Id of the API key."""
    image_sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    decision: Literal["benign", "malignant", "abstained"] | None = None
    status: int | None = Field(None, ge=100, le=599)
    code: str | None = Field(None, min_length=1, max_length=64)
    """Why it was refused: the `code` of the problem."""
    model: str | None = Field(None, min_length=1, max_length=64)
    version: int | None = Field(None, ge=1, le=10**9)
    limit: int = Field(100, ge=1, le=1000)
    """How many rows at most."""
    before: int | None = Field(None, ge=1, le=2**62)
    """Only rows with a smaller number: `next` of the page before."""
    format: Literal["json", "csv"] | None = None
    """Wins over the Accept header."""

    @field_validator("request_id", "key", "code", "model")
    @classmethod
    def _that_a_row_can_hold(cls, given: str | None) -> str | None:
        """No row holds a NUL: PostgreSQL takes the question for a fault of its own, and SQLite finds nothing."""
        if given is not None and "\0" in given:
            raise ValueError("it has a NUL")
        return given


class AuditRow(Answer):
    """One row; docs/audit.md says what each column is. What is null was not known, or has no meaning for the event."""

    sequence: int
    at: datetime
    event: Event
    request_id: str | None
    principal: str | None
    principal_name: str | None
    route: str | None
    status: int | None
    code: str | None
    item: int | None
    image_sha256: str | None
    image_bytes: int | None
    media_type: str | None
    width: int | None
    height: int | None
    frame: int | None
    model: str | None
    version: int | None
    model_sha256: str | None
    runtime: str | None
    precision: str | None
    asked: str | None
    operating_point: str | None
    threshold: float | None
    decision: str | None
    probability: float | None
    stage: int | None
    duration_ms: float | None
    phases_ms: str | None
    software: str | None
    times: int | None
    detail: str | None
    hash: str


class AuditAnswer(Answer):
    """A page of the trail, the newest row first."""

    rows: list[AuditRow]
    next: int | None
    """What to give as `before` for the next page; null if this is the last."""


class AuditHead(Answer):
    """The end of the chain. Kept where who can change the database cannot reach it, it shows later whether somebody
    did: `melanoserve audit verify --anchor SEQUENCE:HASH`."""

    sequence: int
    hash: str


_FORMS: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}


@router.get("", response_model=AuditAnswer, responses=_FORMS, dependencies=[Depends(nothing_twice)])
async def get_audit(request: Request, context: Shared, query: Annotated[AuditQuery, Query()]) -> Response:
    """Rows of the audit trail, the newest first. That they were read is a row, too."""
    media_type = _media_type(request, query)
    context.trail.check()
    context.trail.open(request, "read")
    rows = await context.trail.read(lambda: _page(context, query))
    more = rows[-2]["sequence"] if len(rows) > query.limit else None
    del rows[query.limit :]
    if media_type == CSV:
        link = {} if more is None else {"Link": f'<{_next_page(request, more)}>; rel="next"'}
        return Response("".join(csv_lines(rows)), headers=link, media_type=CSV)
    answer = AuditAnswer(rows=[_row(row) for row in rows], next=more)
    return Response(answer.model_dump_json(), media_type=_JSON)


@router.get("/head", dependencies=[Depends(no_query)])
async def get_head(context: Shared) -> AuditHead:
    """The end of the chain, to be kept elsewhere."""
    return await context.trail.read(lambda: _head(context))


def _media_type(request: Request, query: AuditQuery) -> str:
    if query.format is not None:
        return CSV if query.format == "csv" else _JSON
    offered = (_JSON, CSV)
    chosen = negotiate(accept_of(request.headers), offered)
    if chosen is None:
        raise NotAcceptable(f"The answer can be {' or '.join(offered)}; the Accept header allows none of it.")
    return offered[chosen]


def _page(context: Context, query: AuditQuery) -> list[dict[str, Any]]:
    from service.audit.query import Filter, newest, reading  # noqa: PLC0415 - SQLAlchemy, when it is first needed

    given = query.model_dump(exclude={"limit", "before", "format", "key"})
    with reading(context.trail.address) as connection:
        # One more than is given tells whether there are more.
        return newest(connection, Filter(**given, principal=query.key), query.limit + 1, query.before)


def _next_page(request: Request, before: int) -> str:
    """Relative: behind a proxy the service knows neither the scheme nor the port that it was asked by."""
    url = request.url.include_query_params(before=before)
    return f"{url.path}?{url.query}"


def _row(found: dict[str, Any]) -> AuditRow:
    try:
        return AuditRow.model_validate(found)
    except ValidationError:
        # Its text quotes the value.
        raise AuditUnavailable(
            f"Row {found['sequence']!r} is not as it was written; `melanoserve audit verify` says what else is not. "
            "As CSV it can be read."
        ) from None


def _head(context: Context) -> AuditHead:
    from service.audit.query import head_of, reading  # noqa: PLC0415 - see above

    with reading(context.trail.address) as connection:
        return AuditHead(**head_of(connection)._asdict())
