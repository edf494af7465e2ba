"""What is sent for each method, and what its answer becomes; the same for both clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypedDict, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from client import dicom, fhir
from client.answers import ClassifyAnswer, GradeAnswer, Label, ModelAnswer
from client.dicom import DicomObjects
from client.errors import MEDIA_TYPE, Problem, UnexpectedAnswer
from client.fhir import Bundle
from client.manifest import VersionAnswer

Result = TypeVar("Result")
One = TypeVar("One", ClassifyAnswer, GradeAnswer)

Source = bytes | Path | BinaryIO
"""An image: its bytes, its file, or an open file. File names are never sent."""

BATCH_SECONDS = 660.0
"""How long the service may take to answer a batch; who gives up earlier has it work on the whole of it again."""

UNDECLARED = {"Content-Type": "application/octet-stream"}
"""What an image is, its bytes say."""


class ClassifyOptions(TypedDict, total=False):
    """What may be asked of /classify; see the service's /docs. None is as if it were not given."""

    version: int | None
    label: str | None
    operating_point: str | None
    explain: bool
    prevalence: float | None
    frame: int | None


class GradeOptions(ClassifyOptions, total=False):
    """What may be asked of /grade; the last four are from pathology."""

    always: bool
    breslow_mm: Decimal | float | None
    ulcerated: bool | None
    n: str | None
    m: str | None


@dataclass(frozen=True)
class Call(Generic[Result]):
    """One request, and what becomes of its answer: of its JSON, or of its bytes where a file is asked for.

    `seconds` is how long the answer may take at least, however little time others have.
    """

    method: str
    path: str
    read: Callable[[Any], Result]
    options: dict[str, Any] = field(default_factory=dict)
    is_json: bool = True
    seconds: float = 0.0

    def result(self, response: httpx.Response) -> Result:
        """What the answer says.

        Raises:
            Problem: The service said no.
            UnexpectedAnswer: The answer is none of melanoserve's.
        """
        is_problem = response.headers.get("content-type", "").partition(";")[0] == MEDIA_TYPE
        body: Any = _json(response) if self.is_json or is_problem else response.content
        if is_problem:
            raise Problem.of(body, _seconds(response.headers.get("retry-after")))
        if not response.is_success:
            raise UnexpectedAnswer(f"{response.url} answered {response.status_code}, which melanoserve did not send")
        try:
            return self.read(body)
        except (ValidationError, KeyError, TypeError) as error:
            raise UnexpectedAnswer(f"{response.url} answered something else than this client knows") from error


def classify(image: Source, options: ClassifyOptions) -> Call[ClassifyAnswer]:
    """POST /classify."""
    return _image("/classify", image, options, ClassifyAnswer)


def grade(image: Source, options: GradeOptions) -> Call[GradeAnswer]:
    """POST /grade."""
    return _image("/grade", image, options, GradeAnswer)


def classify_fhir(image: Source, options: ClassifyOptions) -> Call[Bundle]:
    """POST /classify, for FHIR."""
    return _fhir("/classify", image, options)


def grade_fhir(image: Source, options: GradeOptions) -> Call[Bundle]:
    """POST /grade, for FHIR."""
    return _fhir("/grade", image, options)


def classify_dicom(image: Source, options: ClassifyOptions) -> Call[bytes]:
    """POST /classify, answered with a DICOM file."""
    return _dicom("/classify", image, options)


def grade_dicom(image: Source, options: GradeOptions) -> Call[bytes]:
    """POST /grade, answered with a DICOM file."""
    return _dicom("/grade", image, options)


def classify_objects(image: Source, options: ClassifyOptions) -> Call[DicomObjects]:
    """POST /classify, answered with DICOM files."""
    return _objects("/classify", image, options)


def grade_objects(image: Source, options: GradeOptions) -> Call[DicomObjects]:
    """POST /grade, answered with DICOM files."""
    return _objects("/grade", image, options)


def classify_batch(images: Iterable[Source], options: ClassifyOptions) -> Call[list[ClassifyAnswer | Problem]]:
    """POST /classify/batch."""
    return _batch("/classify/batch", images, options, ClassifyAnswer)


def grade_batch(images: Iterable[Source], options: GradeOptions) -> Call[list[GradeAnswer | Problem]]:
    """POST /grade/batch."""
    return _batch("/grade/batch", images, options, GradeAnswer)


def models() -> Call[list[ModelAnswer]]:
    """GET /models."""
    whole = TypeAdapter(list[ModelAnswer])
    return Call("GET", "/models", lambda body: whole.validate_python(body["models"]))


def model(name: str) -> Call[ModelAnswer]:
    """GET /models/{name}."""
    return Call("GET", f"/models/{name}", ModelAnswer.model_validate)


def version(name: str, number: int) -> Call[VersionAnswer]:
    """GET /models/{name}/versions/{number}."""
    return Call("GET", f"/models/{name}/versions/{number}", VersionAnswer.model_validate)


def file(name: str, number: int, path: str) -> Call[bytes]:
    """GET /models/{name}/versions/{number}/files/{path}."""
    anything = {"headers": {"Accept": "*/*"}}
    return Call("GET", f"/models/{name}/versions/{number}/files/{path}", bytes, anything, is_json=False)


def move_label(name: str, label: str, version: int, share: float | None) -> Call[Label]:
    """PUT /models/{name}/labels/{label}."""
    moved = {"version": version} | ({} if share is None else {"share": share})
    return Call("PUT", f"/models/{name}/labels/{label}", Label.model_validate, {"json": moved})


def ready() -> Call[bool]:
    """GET /readyz."""
    return Call("GET", "/readyz", lambda body: bool(body["status"] == "ready"))


def _json(response: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    try:
        return response.json()
    except ValueError as error:
        raise UnexpectedAnswer(f"{response.url} answered {response.status_code} with what is no JSON") from error


def _image(path: str, image: Source, options: Mapping[str, Any], answer: type[One]) -> Call[One]:
    sent = {"content": _bytes(image), "headers": UNDECLARED, "params": _params(options)}
    return Call("POST", path, answer.model_validate, sent)


def _dicom(path: str, image: Source, options: Mapping[str, Any]) -> Call[bytes]:
    headers = UNDECLARED | {"Accept": dicom.MEDIA_TYPE}
    sent = {"content": _bytes(image), "headers": headers, "params": _params(options)}
    return Call("POST", path, dicom.file_of, sent, is_json=False)


def _objects(path: str, image: Source, options: Mapping[str, Any]) -> Call[DicomObjects]:
    headers = UNDECLARED | {"Accept": dicom.RELATED}
    sent = {"content": _bytes(image), "headers": headers, "params": _params(options)}
    return Call("POST", path, dicom.objects_of, sent, is_json=False)


def _fhir(path: str, image: Source, options: Mapping[str, Any]) -> Call[Bundle]:
    # Of errors we understand problem details better than an OperationOutcome: they say whether to ask again.
    headers = UNDECLARED | {"Accept": f"{fhir.MEDIA_TYPE}, {MEDIA_TYPE}"}
    sent = {"content": _bytes(image), "headers": headers, "params": _params(options)}
    return Call("POST", path, _bundle, sent)


def _bundle(body: Any) -> Bundle:  # noqa: ANN401 - JSON
    if body["resourceType"] != "Bundle":
        raise KeyError("Bundle")
    return dict(body)


def _batch(
    path: str, images: Iterable[Source], options: Mapping[str, Any], answer: type[One]
) -> Call[list[One | Problem]]:
    def read(body: Any) -> list[One | Problem]:  # noqa: ANN401 - JSON
        return [
            Problem.of(item["problem"]) if item["problem"] else answer.model_validate(item["answer"])
            for item in body["items"]
        ]

    files = [("files", ("image", _bytes(image), "application/octet-stream")) for image in images]
    if not files:
        raise ValueError("there is no image to ask about")
    return Call("POST", path, read, {"files": files, "params": _params(options)}, seconds=BATCH_SECONDS)


def _bytes(image: Source) -> bytes:
    if isinstance(image, bytes):
        return image
    if isinstance(image, Path):
        return image.read_bytes()
    read = getattr(image, "read", None)
    found = image if read is None else read()
    if not isinstance(found, bytes):  # a file that was opened as text gives a str, and so does who has only a name
        raise TypeError(
            f"an image cannot be {type(image).__name__}: give a Path, bytes or a file opened with 'rb'; "
            "for a file's name, Path(name)"
        )
    return found


def _params(options: Mapping[str, Any]) -> dict[str, str]:
    given = {name: value for name, value in options.items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


def _seconds(retry_after: str | None) -> float | None:
    try:
        return None if retry_after is None else max(0.0, float(retry_after))
    except ValueError:
        return None  # a date, which melanoserve never sends
