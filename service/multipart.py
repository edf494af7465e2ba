"""One image out of a multipart/form-data body (RFC 7578), in memory: no temporary file, no file name kept."""

from typing import TYPE_CHECKING

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
    UnexpectedField,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # exists for type checkers only

FIELD = "file"

# RFC 2046, 5.1.1: a boundary is 1 to 70 characters.
LONGEST_BOUNDARY = 70

# What a form may hold besides its file: boundaries, headers, the line ends. Browsers and curl need about 300 bytes.
OVERHEAD = 16_384
MOST_HEADERS = 8
LONGEST_HEADER = 4_096

# RFC 7578, 4.7 deprecates the header; these three values change nothing.
PLAIN_TRANSFER_ENCODINGS = ("", "7bit", "8bit", "binary")


class FormFile:
    """Takes a form's bytes as they arrive and keeps those of the one field `file`."""

    def __init__(self, content_type: str, max_bytes: int) -> None:
        """Prepares for a body.

        Args:
            content_type: The request's Content-Type, with its boundary.
            max_bytes: Most bytes of the file.

        Raises:
            MissingBoundary: There is no boundary, or it cannot be one.
        """
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not 1 <= len(boundary) <= LONGEST_BOUNDARY:
            raise MissingBoundary("Content-Type must name a boundary of 1 to 70 characters.")
        self._data = bytearray()
        self._max_bytes = max_bytes
        self._files = 0
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
            UnexpectedField: A field is not the one file.
            UnsupportedMediaType: The file is declared as a type that is not read, or as encoded.
            TooManyBytes: The file is larger than the limit.
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            # Its text quotes bytes of the body.
            raise MalformedBody("The body does not follow the grammar of multipart/form-data.") from None

    def finish(self) -> bytes:
        """The file's bytes, once the body has ended.

        Raises:
            MalformedBody: The closing boundary has not come.
            MissingFile: The form has no field `file`.
        """
        if not self._complete:
            raise MalformedBody("The body ends before its closing boundary.")
        if not self._files:
            raise MissingFile(f"The form must have one field {FIELD!r} that holds the image.")
        return bytes(self._data)

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._headers_clear,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._part,
            "on_part_data": self._keep,
            "on_end": self._end,
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
        if options[b"name"] != FIELD.encode():
            raise UnexpectedField(f"The form may have one field, {FIELD!r}, and has another one.")
        if self._files:
            raise SeveralFiles(f"The form has more than one field {FIELD!r}; send one image for each request.")
        if self._headers.get("content-transfer-encoding", "").lower() not in PLAIN_TRANSFER_ENCODINGS:
            raise UnsupportedMediaType("The file is declared as encoded (Content-Transfer-Encoding); send it as it is.")
        check_declared(declared)
        self._files += 1

    def _keep(self, data: bytes, start: int, end: int) -> None:
        if len(self._data) + end - start > self._max_bytes:
            raise TooManyBytes(f"The image is larger than {self._max_bytes} bytes.")
        self._data += memoryview(data)[start:end]

    def _end(self) -> None:
        self._complete = True
