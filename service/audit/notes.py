"""What is noted of a request on its way, and the rows that are made of it when it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.answers import ClassifyAnswer, GradeAnswer
from service.audit.entry import Entry, Event, stamp

if TYPE_CHECKING:
    from service.progress import Progress
    from service.versions import Served


@dataclass
class Received:
    """One image of a request, as far as it came."""

    item: int | None = None
    """Of a batch, which file."""
    bytes: int | None = None
    sha256: str | None = None
    """Of its bytes; a thread computes it before it decodes them."""
    progress: Progress | None = None
    """Its own, in a batch."""
    answer: ClassifyAnswer | GradeAnswer | None = None
    status: int | None = None
    code: str | None = None
    """What became of it, in a batch, and why it was refused."""


@dataclass
class Notes:
    """Of one request that was let in."""

    event: Event = "image"
    served: Served | None = None
    """The version that answers."""
    asked: str | None = None
    """Which was asked for; only what was found, so that nothing else of the query gets into a row."""
    images: list[Received] = field(default_factory=list)
    detail: Mapping[str, object] | None = None

    def image(self, item: int | None = None) -> Received:
        """Notes one more image."""
        self.images.append(Received(item))
        return self.images[-1]

    def found(self, served: Served, version: int | None, label: str | None) -> None:
        """Notes which version answers, and what was asked for."""
        self.served = served
        self.asked = f"version={version}" if version is not None else None if label is None else f"label={label}"


def rows_of(notes: Notes, state: Mapping[str, Any], route: str | None, status: int, software: str) -> list[Entry]:
    """The rows of a request: one for each image, or one.

    Args:
        notes: Of the request.
        state: Of its scope.
        route: Its template.
        status: Of its answer.
        software: Version of the software.
    """
    whole: Progress | None = state.get("progress")
    row = _row(notes, state, route, software)._replace(status=status, code=state.get("problem"))
    if not notes.images:
        return [row._replace(phases_ms=_phases(whole))]
    return [_of_image(row._replace(phases_ms=_phases(one.progress or whole)), one) for one in notes.images]


def _row(notes: Notes, state: Mapping[str, Any], route: str | None, software: str) -> Entry:
    """What all rows of a request have in common."""
    who, served = state.get("principal"), notes.served
    row = Entry(
        stamp(),
        notes.event,
        request_id=state["request_id"],
        principal=None if who is None else who.id,
        principal_name=None if who is None else who.name,
        route=route,
        duration_ms=round((time.perf_counter() - state["begun"]) * 1000, 1),
        software=software,
        detail=None if notes.detail is None else json.dumps(notes.detail),
    )
    if served is None:
        return row
    stored, runtime = served.stored, served.runtime
    return row._replace(
        model=stored.name,
        version=stored.version,
        model_sha256=stored.digest,
        runtime=runtime.name,
        precision=runtime.precision,
        asked=notes.asked,
    )


def _of_image(row: Entry, one: Received) -> Entry:
    row = row._replace(item=one.item, image_sha256=one.sha256, image_bytes=one.bytes)
    if one.status is not None:
        row = row._replace(status=one.status, code=one.code)
    if one.answer is None:
        return row
    image = one.answer.image
    decided = one.answer.classification if isinstance(one.answer, GradeAnswer) else one.answer
    grade = one.answer.grade if isinstance(one.answer, GradeAnswer) else None
    return row._replace(
        media_type=image.media_type,
        width=image.width,
        height=image.height,
        frame=image.frame,
        operating_point=decided.operating_point.name,
        threshold=decided.operating_point.threshold,
        decision=decided.decision,
        probability=decided.probability,
        stage=None if grade is None else grade.stage,
        detail=_said_beside(one.answer),
    )


def _said_beside(answer: ClassifyAnswer | GradeAnswer) -> str | None:
    """What an answer says of why there is no decision or no grade, or why the grade says little; None if nothing."""
    said: dict[str, object] = {}
    if isinstance(answer, GradeAnswer):
        quality, grade = answer.classification.quality, answer.grade
        said = {"withheld": answer.grade_withheld, "caveat": None if grade is None else grade.caveat}
    else:
        quality = answer.quality
    said["issues"] = None if quality is None else quality.issues
    given = {name: value for name, value in said.items() if value}
    return json.dumps(given) if given else None


def _phases(progress: Progress | None) -> str | None:
    if progress is None:
        return None
    return json.dumps({name: round(took * 1000, 1) for name, took in progress.seconds.items()}, separators=(",", ":"))
