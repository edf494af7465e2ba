"""In which form an answer about an image is written, as the client's Accept header wishes.

To add one, add a line to REPRESENTATIONS: the routes, their refusals and the OpenAPI document follow from it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers

from service.answers import ClassifyAnswer, GradeAnswer
from service.fhir.bundle import MEDIA_TYPE as FHIR_JSON
from service.fhir.bundle import as_fhir
from service.inference import Job
from service.negotiation import accept_of, negotiate
from service.openapi import fhir
from service.problems import NotAcceptable

ImageAnswer = ClassifyAnswer | GradeAnswer


@dataclass(frozen=True)
class Representation:
    """One form of an answer.

    Attributes:
        media_type: What Accept is compared with, and what the answer's Content-Type is.
        write: The answer's bytes; runs in the image's thread, and may raise what a client can be told.
        schema: What the OpenAPI document says of it; empty where FastAPI says it.
    """

    media_type: str
    write: Callable[[ImageAnswer, Job], bytes]
    schema: Mapping[str, Any] = field(default_factory=dict)


def _as_json(answer: ImageAnswer, _: Job) -> bytes:
    return answer.__pydantic_serializer__.to_json(answer)


JSON = Representation("application/json", _as_json)
FHIR = Representation(FHIR_JSON, as_fhir, fhir("Bundle"))

REPRESENTATIONS: tuple[Representation, ...] = (JSON, FHIR)
"""Of one image's answer; where the client likes several equally well, the first of them."""


def representation_for(headers: Headers, offered: Sequence[Representation] = REPRESENTATIONS) -> Representation:
    """The form that a request's answer is to have.

    Args:
        headers: The request's.
        offered: What there is, the default first.

    Raises:
        NotAcceptable: The Accept header excludes all of it.
    """
    types = [one.media_type for one in offered]
    index = negotiate(accept_of(headers), types)
    if index is None:
        raise NotAcceptable(f"The answer can be {' or '.join(types)}; the Accept header allows none of it.")
    return offered[index]


def documented() -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of an answer's forms, beside the JSON that FastAPI documents itself."""
    return {200: {"content": dict(_documented())}}


def _documented() -> Iterator[tuple[str, dict[str, Any]]]:
    for one in REPRESENTATIONS:
        if one.schema:
            yield one.media_type.partition(";")[0], {"schema": dict(one.schema)}
