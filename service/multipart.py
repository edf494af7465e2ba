"""Images out of a multipart/form-data body (RFC 7578), in memory: no temporary file, no file name kept."""

import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from dermoscopy.errors import TooManyBytes
from service.media_types import UNDECLARED, check_declared
from service.problems import (
    MalformedBody,
    MissingBoundary,
    MissingFile,
    NestedMultipart,
    SeveralFiles,
    TooManyFiles,
    UnexpectedField,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # exists for type checkers only

# RFC 2046, 5.1.1: a boundary is 1 to 70 characters.
LONGEST_BOUNDARY = 70

# What a form may hold besides its file: boundaries, headers, the line ends. Browsers and curl need about 300 bytes.
OVERHEAD = 16_384
MOST_HEADERS = 8
LONGEST_HEADER = 4_096

# RFC 7578, 4.7 deprecates the header; these three values change nothing.
PLAIN_TRANSFER_ENCODINGS = ("", "7bit", "8bit", "binary")


@dataclass
class Upload:
    """One file of a form: its bytes, or why it is not read."""

    data: bytearray = field(default_factory=bytearray)
    problem: Exception | None = None


class FormFiles:
    """Takes a form's bytes as they arrive and keeps those of the field `files`, which may come several times.

    A file that is too large, or declared as something that is not read, is not kept, and the others are.
    """

    field = "files"

    def __init__(self, content_type: str, max_bytes: int, most_files: int) -> None:
        """Prepares for a body; `received` counts the bytes of its files, also of those that are not kept.

        Args:
            content_type: The request's Content-Type, with its boundary.
            max_bytes: Most bytes of each file.
            most_files: How many there may be.

        Raises:
            MissingBoundary: There is no boundary, or it cannot be one.
        """
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not 1 <= len(boundary) <= LONGEST_BOUNDARY:
            raise MissingBoundary("Content-Type must name a boundary of 1 to 70 characters.")
        self.files: list[Upload] = []
        self.received = 0
        self._max_bytes, self._most_files = max_bytes, most_files
        self._complete = False
        self._headers: dict[str, str] = {}
        self._name = bytearray()
        self._value = bytearray()
        try:
            self._parser = MultipartParser(
                boundary, self._callbacks(), max_header_count=MOST_HEADERS, max_header_size=LONGEST_HEADER
            )
        except FormParserError:
            raise MissingBoundary("Content-Type names a boundary that cannot be one.") from None

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes of the body.

        Raises:
            MalformedBody: They do not follow the form's grammar.
            UnexpectedField: A field is not one that is read, or there are too many of it.
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            # Its text quotes bytes of the body.
            raise MalformedBody("The body does not follow the grammar of multipart/form-data.") from None

    def end(self) -> list[Upload]:
        """The files, in the order of the form, once the body has ended.

        Raises:
            MalformedBody: The closing boundary has not come.
            MissingFile: The form has no such field.
        """
        if not self._complete:
            raise MalformedBody("The body ends before its closing boundary.")
        if not self.files:
            raise MissingFile(f"The form must have a field {self.field!r} that holds an image.")
        return self.files

    def too_many(self) -> UnexpectedField:
        """What to raise for one file more than there may be."""
        return TooManyFiles(f"The form has more than {self._most_files} files; send the others in another request.")

    def reject(self, error: Exception) -> None:
        """The file that is arriving is not read, because of this."""
        self.files[-1] = Upload(problem=error)

    def _callbacks(self) -> "MultipartCallbacks":
        # The parser is ours and must not refer to us: what refers to itself waits for the garbage collector, and here
        # with all bytes of an image.
        form: Any = weakref.proxy(self)
        return {
            "on_part_begin": partial(FormFiles._headers_clear, form),
            "on_header_field": lambda data, start, end: form._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: form._value.extend(data[start:end]),
            "on_header_end": partial(FormFiles._header, form),
            "on_headers_finished": partial(FormFiles._part, form),
            "on_part_data": partial(FormFiles._keep, form),
            "on_end": partial(FormFiles._end, form),
        }

    def _headers_clear(self) -> None:
        self._headers = {}

    def _header(self) -> None:
        name = self._name.decode("latin-1").lower()
        if name in self._headers:
            raise MalformedBody("A part of the form has the same header twice.")
        self._headers[name] = self._value.decode("latin-1").strip()
        self._name.clear()
        self._value.clear()

    def _part(self) -> None:
        disposition, options = parse_options_header(self._headers.get("content-disposition", ""))
        if disposition != b"form-data" or b"name" not in options:
            raise MalformedBody("A part of the form does not say which field it is.")
        declared = self._headers.get("content-type", UNDECLARED)
        if declared.lower().startswith("multipart/"):
            raise NestedMultipart("A part of the form is itself multipart; send the image as it is.")
        if options[b"name"] != self.field.encode():
            raise UnexpectedField(
                f"The form may have one field, {self.field!r}, and has another one; parameters belong into the query."
            )
        if len(self.files) == self._most_files:
            raise self.too_many()
        self.files.append(Upload())
        try:
            self._check(declared)
        except UnsupportedMediaType as error:
            self.reject(error)

    def _check(self, declared: str) -> None:
        if self._headers.get("content-transfer-encoding", "").lower() not in PLAIN_TRANSFER_ENCODINGS:
            raise UnsupportedMediaType("The file is declared as encoded (Content-Transfer-Encoding); send it as it is.")
        check_declared(declared)

    def _keep(self, data: bytes, start: int, end: int) -> None:
        self.received += end - start
        file = self.files[-1]
        if file.problem is not None:
            return
        if len(file.data) + end - start > self._max_bytes:
            self.reject(TooManyBytes(f"The image is larger than {self._max_bytes} bytes."))
            return
        file.data += memoryview(data)[start:end]

    def _end(self) -> None:
        self._complete = True


class FormFile(FormFiles):
    """The same with the one field `file`; what is wrong with it is wrong with the form."""

    field = "file"

    def __init__(self, content_type: str, max_bytes: int) -> None:
        """See `FormFiles`."""
        super().__init__(content_type, max_bytes, 1)

    def finish(self) -> bytes:
        """The file's bytes; raises what `end` raises."""
        return bytes(self.end()[0].data)

    def too_many(self) -> UnexpectedField:
        """What to raise for a second file."""
        return SeveralFiles(f"The form has more than one field {self.field!r}; send one image for each request.")

    def reject(self, error: Exception) -> None:
        """Raises it: TooManyBytes or UnsupportedMediaType."""
        raise error
