"""In which form an answer about an image is written, as the client's Accept header wishes.

To add one, add a line to REPRESENTATIONS: the routes, their refusals and the OpenAPI document follow from it.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers

from service.answers import ClassifyAnswer, GradeAnswer
from service.dicom import MEDIA_TYPE as DICOM_TYPE
from service.fhir.bundle import MEDIA_TYPE as FHIR_JSON
from service.fhir.bundle import as_fhir
from service.inference import Job
from service.negotiation import accept_of, ranked
from service.openapi import fhir
from service.problems import DicomInputNeeded, NotAcceptable

ImageAnswer = ClassifyAnswer | GradeAnswer


@dataclass(frozen=True)
class Representation:
    """One form of an answer.

    Attributes:
        media_type: What Accept is compared with, and what the answer's Content-Type is.
        write: The answer's bytes; runs in the image's thread, and may raise what a client can be told.
        schema: What the OpenAPI document says of it; empty where FastAPI says it.
        parameters: Further ones of the Content-Type.
        of: Media type of the images of which it can be made; empty where that is any.
    """

    media_type: str
    write: Callable[[ImageAnswer, Job], bytes]
    schema: Mapping[str, Any] = field(default_factory=dict)
    parameters: str = ""
    of: str = ""

    @property
    def content_type(self) -> str:
        """Of the answer."""
        return self.media_type + self.parameters


def _as_json(answer: ImageAnswer, _: Job) -> bytes:
    return answer.__pydantic_serializer__.to_json(answer)


def _as_dicom(answer: ImageAnswer, job: Job) -> bytes:
    from service.dicom.report import as_report  # noqa: PLC0415 - pydicom and highdicom, half a second and 40 MB

    return as_report(answer, job)


def _as_objects(answer: ImageAnswer, job: Job) -> bytes:
    from service.dicom.report import as_objects  # noqa: PLC0415 - as above

    head = f"--{_BOUNDARY}\r\nContent-Type: {DICOM_TYPE}\r\n\r\n".encode()
    parts = [head + file + b"\r\n" for file in as_objects(answer, job)]
    return b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])


# Random, so that no file can hold it.
_BOUNDARY = secrets.token_hex(16)
_BINARY = {"type": "string", "format": "binary"}

JSON = Representation("application/json", _as_json)
FHIR = Representation(FHIR_JSON, as_fhir, fhir("Bundle"))

DICOM = Representation(DICOM_TYPE, _as_dicom, _BINARY, of=DICOM_TYPE)
OBJECTS = Representation(
    f'multipart/related; type="{DICOM_TYPE}"', _as_objects, _BINARY, f"; boundary={_BOUNDARY}", of=DICOM_TYPE
)

REPRESENTATIONS: tuple[Representation, ...] = (JSON, FHIR, DICOM, OBJECTS)
"""Of one image's answer; where the client likes several equally well, the first of them."""


def representations_for(
    headers: Headers, offered: Sequence[Representation] = REPRESENTATIONS, *, explain: bool = False
) -> list[Representation]:
    """The forms that a request's answer may have, the one that the client likes best first.

    Args:
        headers: The request's.
        offered: What there is, the default first.
        explain: Whether there is a heatmap, too, for which a lone DICOM object has no place.

    Raises:
        NotAcceptable: The Accept header excludes all of it.
    """
    types = [one.media_type for one in offered]
    accepted = [offered[index] for index in ranked(accept_of(headers), types)]
    if not accepted:
        raise NotAcceptable(f"The answer can be {' or '.join(types)}; the Accept header allows none of it.")
    found = [one for one in accepted if not explain or one is not DICOM]
    if not found:
        raise NotAcceptable(f"With explain=true there are two objects; allow {OBJECTS.media_type}.")
    return found


def written_as(accepted: Sequence[Representation], answer: ImageAnswer) -> Representation:
    """The form in which an answer is written.

    Args:
        accepted: Those that the client takes, the one that it likes best first.
        answer: About an image that was read, so it is known what that is.

    Raises:
        DicomInputNeeded: All of them are made of DICOM objects, and the image is none.
    """
    for one in accepted:
        if one.of in ("", answer.image.media_type):
            return one
    raise DicomInputNeeded("What was sent is no DICOM object; a report can only be made in the study of one.")


def documented() -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of an answer's forms, beside the JSON that FastAPI documents itself."""
    return {200: {"content": dict(_documented())}}


def _documented() -> Iterator[tuple[str, dict[str, Any]]]:
    for one in REPRESENTATIONS:
        if one.schema:
            yield one.media_type.partition(";")[0], {"schema": dict(one.schema)}
