"""A row of the audit trail: its columns, and what becomes of a request's notes.

Nothing of what a client sent is in a row, but for the request id, which is the client's own to choose, and the hash and
the size of the bytes. Names of versions, labels and operating points are taken from what answered, not from the query.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

Event = Literal["image", "label", "read", "refusals", "pruned", "quiet"]
"""An image (a batch has one row for each), a label that was moved, the trail that was read, refusals of those who were
not let in (a sum), old rows that were removed, a service that runs and had nothing to record for most of a day."""

Value = str | int | float | None


class Entry(NamedTuple):
    """What is recorded; the fields are the columns, and their order is that of the hash. `None` where it is not known.

    A change of the fields is a new FORMAT, and `chain.FIELDS` keeps those of the old ones.
    """

    at: str
    """When it ended, UTC: `2026-11-26T01:16:49.123456Z`, so that text sorts as time does."""
    event: Event
    request_id: str | None = None
    """A batch's images share it; `item` tells them apart."""
    principal: str | None = None
    """Id of the API key; none where no key is demanded."""
    principal_name: str | None = None
    """What the operator called it then."""
    route: str | None = None
    """The template, never the path."""
    status: int | None = None
    code: str | None = None
    """Why it was refused."""
    item: int | None = None
    image_sha256: str | None = None
    """Of the bytes as received."""
    image_bytes: int | None = None
    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    frame: int | None = None
    """Of several in a DICOM object, which one."""
    model: str | None = None
    version: int | None = None
    model_sha256: str | None = None
    runtime: str | None = None
    precision: str | None = None
    asked: str | None = None
    """Which version was asked for, `version=2` or `label=canary`; none if neither."""
    operating_point: str | None = None
    threshold: float | None = None
    decision: str | None = None
    probability: float | None = None
    stage: int | None = None
    """The grade that was given."""
    duration_ms: float | None = None
    """Until it was recorded."""
    phases_ms: str | None = None
    """JSON: how long each phase took."""
    software: str | None = None
    """Version of melanoserve."""
    times: int | None = None
    """Refusals, or removed rows, that the row sums up."""
    detail: str | None = None
    """JSON: of a label where it points now; of removed rows which they were; of an image what was said beside the
    answer, `issues` (why there is no decision), `withheld` (why no grade) and `caveat` (why the grade says little)."""


COLUMNS = Entry._fields


def in_years_that_are_kept(when: datetime) -> datetime:
    """The moment itself.

    Raises:
        ValueError: Of years that `at` cannot have, or that another time zone takes out of the calendar.
    """
    if not 1970 <= when.year <= 9998:
        raise ValueError("the year must be one from 1970 to 9998")
    return when


def stamp(when: datetime | None = None) -> str:
    """A moment as the column `at` has it; without one, now."""
    return f"{(when or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def moment_of(at: object) -> datetime | None:
    """The moment that the column `at` has; None where somebody wrote something else into it."""
    try:
        return datetime.strptime(str(at), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
