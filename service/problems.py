"""What can go wrong with a request, and what the client is told (RFC 9457). docs/errors.md has a row for each.

Problem
  x InvalidParameter (400)            + UnknownParameter + ConflictingParameters
  x MalformedRequest (400)
  x HeadTooLarge (431)
  x MalformedBody (400)               + MissingBoundary + NestedMultipart + IncompleteBody
  x UnexpectedField (400)             + SeveralFiles + MissingFile + TooManyFiles (413)
  x NotFound (404)
  x MethodNotAllowed (405)
  x NotAcceptable (406)               + DicomInputNeeded
  x UnreportableObject (422)
  x UnsupportedMediaType (415)        + UnsupportedContentEncoding
  x BodyTooLarge (413)
  x BodyTooSlow (408, retryable)
  x ClientLeft (400)
  x InternalError (500)
  x NotReady (503, retryable)
  x Stopping (503, retryable)
  x StateNotWritable (503)
  x Overloaded (503, retryable)
  x AuditUnavailable (503, retryable)
  x DeadlineExceeded (504, retryable)
  x those of who may not ask, or not now: service/access_problems.py

Errors of the packages below keep their own classes; `FOREIGN` is the one place that gives them a status:
dermoscopy.errors.ImageError (413, 415, 422) and model_store.errors.StoreError (400, 404, 500, 503).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from dermoscopy import errors as image
from model_store import errors as store

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """What all problems of one kind have in common; `code` is what a client's program looks at."""

    code: str
    status: int
    title: str
    retry_after: int | None = None
    """Seconds after which the same request may succeed; None where repeating it unchanged cannot help."""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.retry_after is not None


class Problem(Exception):
    """Base of what the service itself finds wrong. `detail` is for the client and repeats nothing of an image."""

    kind: ClassVar[Kind]

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})


class InvalidParameter(Problem):
    """A parameter's value is not one that it can have, or it was given twice."""

    kind = Kind("invalid_parameter", 400, "A parameter has a wrong value")


class UnknownParameter(InvalidParameter):
    """A misspelt parameter must not be ignored: the answer would be to another question."""

    kind = Kind("unknown_parameter", 400, "There is no such parameter here")


class ConflictingParameters(InvalidParameter):
    """`version` and `label` both name the version to use."""

    kind = Kind("conflicting_parameters", 400, "Two parameters contradict each other")


class MalformedRequest(Problem):
    """What arrived is not HTTP/1.1, so that nothing of it can be answered."""

    kind = Kind("malformed_request", 400, "This is no HTTP request")


class HeadTooLarge(Problem):
    """Request line and headers have more bytes than any client needs."""

    kind = Kind("head_too_large", 431, "The headers have too many bytes")


class MalformedBody(Problem):
    """The body is not the multipart/form-data that its header announces."""

    kind = Kind("malformed_multipart", 400, "The multipart body is malformed")


class MissingBoundary(MalformedBody):
    """Content-Type says multipart/form-data without a usable boundary."""

    kind = Kind("missing_boundary", 400, "The multipart boundary is missing")


class NestedMultipart(MalformedBody):
    """A part is itself a multipart body."""

    kind = Kind("nested_multipart", 400, "Nested multipart bodies are not read")


class IncompleteBody(MalformedBody):
    """The client left before its body was complete; only the log sees this one."""

    kind = Kind("incomplete_body", 400, "The body ended early")


class UnexpectedField(Problem):
    """A form field other than `file`."""

    kind = Kind("unexpected_field", 400, "The form has a field that is not read")


class SeveralFiles(UnexpectedField):
    """More than one `file`: nobody said which one the answer should be about."""

    kind = Kind("several_files", 400, "The form has more than one file")


class TooManyFiles(UnexpectedField):
    """More files than a batch may have."""

    kind = Kind("too_many_files", 413, "The form has too many files")


class MissingFile(UnexpectedField):
    """The form has no field `file`, or `files` for a batch."""

    kind = Kind("missing_file", 400, "The form has no file")


class NotFound(Problem):
    """No such path."""

    kind = Kind("not_found", 404, "There is nothing at this path")


class MethodNotAllowed(Problem):
    """The path exists and does not take this method; `Allow` names those that it takes."""

    kind = Kind("method_not_allowed", 405, "This path does not take this method")


class NotAcceptable(Problem):
    """The Accept header excludes every form that the answer can have."""

    kind = Kind("not_acceptable", 406, "The Accept header excludes what the answer can be")


class DicomInputNeeded(NotAcceptable):
    """A DICOM object is made in the study of another one, and what was sent is none."""

    kind = Kind("dicom_input_needed", 406, "Only of a DICOM object a DICOM object can be made")


class UnreportableObject(Problem):
    """A DICOM object whose picture can be read, but which no other object can refer to."""

    kind = Kind("unreportable_object", 422, "No report can be made of the DICOM object")


class UnsupportedMediaType(Problem):
    """The body, or the file in it, is declared as a type that is not read."""

    kind = Kind("unsupported_media_type", 415, "The body is declared as a type that is not read")


class UnsupportedContentEncoding(UnsupportedMediaType):
    """A compressed body: its size could not be bounded before it is unpacked, and images do not shrink."""

    kind = Kind("unsupported_content_encoding", 415, "Compressed bodies are not read")


class InternalError(Problem):
    """A fault of the service. The detail says nothing; the log has the request id, the type and the place."""

    kind = Kind("internal_error", 500, "The service failed")


class Overloaded(Problem):
    """The limit of requests or bytes under way is reached; said on the headers, before the body is read."""

    kind = Kind("overloaded", 503, "The service is busy", retry_after=1)


class BodyTooLarge(Problem):
    """The body of a batch has more bytes than it may have, or one that is no image more than it could say."""

    kind = Kind("body_too_large", 413, "The body has too many bytes")


class BodyTooSlow(Problem):
    """The body did not arrive in time."""

    kind = Kind("body_too_slow", 408, "The body arrived too slowly", retry_after=1)


class DeadlineExceeded(Problem):
    """The answer was not ready in time; the image is dropped, not finished for nobody."""

    kind = Kind("deadline_exceeded", 504, "No answer in time", retry_after=1)


class ClientLeft(Problem):
    """The client closed the connection before its answer; only the log sees this one."""

    kind = Kind("client_left", 400, "The client left")


class AuditUnavailable(Problem):
    """What must be recorded cannot be, so nothing is answered; or the record cannot be read."""

    kind = Kind("audit_unavailable", 503, "The audit trail is not available", retry_after=5)


class StateNotWritable(Problem):
    """A label cannot be moved: the folder that keeps the moved ones cannot be written."""

    kind = Kind("state_not_writable", 503, "The label cannot be moved")


class Stopping(Problem):
    """The service was told to stop, and waits no longer for what is under way."""

    kind = Kind("stopping", 503, "The service is stopping", retry_after=5)


class NotReady(Problem):
    """/readyz: what `stable` names cannot be served, now; or it names nothing, and nothing else was asked for; or the
    version that was asked for is still being tried."""

    kind = Kind("not_ready", 503, "The service is not ready", retry_after=5)


FOREIGN: Mapping[type[Exception], Kind] = {
    image.EmptyImage: Kind("empty_image", 422, "The image has no bytes"),
    image.UnsupportedImageType: Kind("unsupported_image_type", 415, "Not a type of image that is read"),
    image.UnsupportedTransferSyntax: Kind("unsupported_transfer_syntax", 415, "Not a transfer syntax that is read"),
    image.NotAPhotograph: Kind("not_a_photograph", 422, "The DICOM object is no photograph"),
    image.NoSuchFrame: Kind("no_such_frame", 422, "The image has no such frame"),
    image.TooManyBytes: Kind("image_too_large", 413, "The image has too many bytes"),
    image.TooManyPixels: Kind("too_many_pixels", 413, "The image has too many pixels"),
    image.ImageTooSmall: Kind("image_too_small", 422, "The image is too small"),
    image.AnimatedImage: Kind("animated_image", 422, "The image has more than one frame"),
    image.CorruptImage: Kind("corrupt_image", 422, "The image cannot be decoded"),
    image.ContradictoryColours: Kind("contradictory_colours", 422, "It cannot be known which colours are meant"),
    store.UnknownModel: Kind("unknown_model", 404, "There is no such model"),
    store.UnknownVersion: Kind("unknown_version", 404, "There is no such version"),
    store.UnknownLabel: Kind("unknown_label", 404, "There is no such label"),
    store.UnknownOperatingPoint: Kind("unknown_operating_point", 400, "There is no such operating point"),
    store.RefusedVersion: Kind("version_refused", 503, "The version must not be served"),
    store.UnreadableLabels: Kind("labels_unreadable", 503, "The labels cannot be read"),
    store.RuntimeUnavailable: Kind("runtime_unavailable", 503, "The runtime cannot run the version"),
    store.ImplausibleOutput: Kind("implausible_output", 500, "The model's output cannot be an answer"),
}


def kind_of(error: Exception) -> Kind | None:
    """The kind of an error: its own, or that of the nearest of its classes in FOREIGN; None for anything else."""
    if isinstance(error, Problem):
        return error.kind
    return next((FOREIGN[base] for base in type(error).__mro__ if base in FOREIGN), None)


def catalogue() -> dict[str, Kind]:
    """Every kind of problem that a client can meet, by its code."""
    from service import access_problems  # noqa: F401, PLC0415 - it needs this file; once imported, it counts

    return {kind.code: kind for kind in [*(problem.kind for problem in _subclasses(Problem)), *FOREIGN.values()]}


def _subclasses(base: type[Problem]) -> Iterator[type[Problem]]:
    for subclass in base.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
