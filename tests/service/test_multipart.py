import gc
import time
import weakref

import pytest

from dermoscopy.errors import TooManyBytes
from service.multipart import LONGEST_HEADER, MOST_HEADERS, FormFile, FormFiles
from service.problems import (
    MalformedBody,
    MissingBoundary,
    MissingFile,
    NestedMultipart,
    Problem,
    SeveralFiles,
    TooManyFiles,
    UnexpectedField,
    UnsupportedMediaType,
)

CONTENT_TYPE = "multipart/form-data; boundary=BOUND"
DISPOSITION = b'Content-Disposition: form-data; name="file"; filename="a.jpg"'

# Looks like boundaries, and has every byte.
DATA = b"\r\n--BOUN\r\n--BOUNDX\r\n\r\n--\r" + bytes(range(256)) * 3 + b"\r\n--BOUND"[:-1]


def part(data: bytes, *headers: bytes) -> bytes:
    return b"--BOUND\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--BOUND--\r\n"


def read(body: bytes, step: int = 1 << 20, *, max_bytes: int = 10_000, content_type: str = CONTENT_TYPE) -> bytes:
    parser = FormFile(content_type, max_bytes)
    for start in range(0, len(body), step):
        parser.write(body[start : start + step])
    return parser.finish()


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1 << 20])
def test_the_file_comes_out_whole_however_the_body_is_cut(step: int) -> None:
    assert read(form(part(DATA, DISPOSITION, b"Content-Type: image/jpeg")), step) == DATA


def test_a_field_needs_neither_file_name_nor_type() -> None:
    assert read(form(part(b"x", b'Content-Disposition: form-data; name="file"'))) == b"x"


def test_header_names_and_types_are_compared_without_case() -> None:
    assert read(form(part(b"x", DISPOSITION.upper().replace(b"FILE", b"file"), b"CONTENT-TYPE: Image/PNG"))) == b"x"


def test_text_before_and_after_the_form_is_ignored() -> None:
    assert read(b"\r\n" + form(part(b"x", DISPOSITION)) + b"an epilogue") == b"x"


def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    assert read(form(part(b"x" * 100, DISPOSITION)), max_bytes=100) == b"x" * 100
    with pytest.raises(TooManyBytes, match="larger than 99 bytes"):
        read(form(part(b"x" * 100, DISPOSITION)), 7, max_bytes=99)


def test_too_large_is_found_before_the_form_ends() -> None:
    parser = FormFile(CONTENT_TYPE, max_bytes=99)
    with pytest.raises(TooManyBytes):
        parser.write(part(b"x" * 200, DISPOSITION))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (form(), MissingFile),
        (b"", MalformedBody),
        (b"no form at all", MalformedBody),
        (b"--OTHER\r\n", MalformedBody),
        (part(b"x", DISPOSITION), MalformedBody),
        (form(part(b"x")), MalformedBody),
        (form(part(b"x", b"Content-Disposition: attachment")), MalformedBody),
        (form(part(b"x", b"Content-Disposition: form-data")), MalformedBody),
        (form(part(b"x", DISPOSITION, DISPOSITION)), MalformedBody),
        (form(part(b"x", b"no colon", DISPOSITION)), MalformedBody),
        (form(part(b"x", b"\x00: nul", DISPOSITION)), MalformedBody),
        (form(part(b"x", DISPOSITION, b"X: " + b"x" * LONGEST_HEADER)), MalformedBody),
        (form(part(b"x", *(b"X-%d: x" % n for n in range(MOST_HEADERS + 1)))), MalformedBody),
        (form(part(b"x", b'Content-Disposition: form-data; name="image"')), UnexpectedField),
        (form(part(b"x", b'Content-Disposition: form-data; name="FILE"')), UnexpectedField),
        (form(part(b"x", DISPOSITION), part(b"x", b'Content-Disposition: form-data; name="n"')), UnexpectedField),
        (form(part(b"x", DISPOSITION), part(b"y", DISPOSITION)), SeveralFiles),
        (form(part(b"x", DISPOSITION, b"Content-Type: multipart/mixed; boundary=B")), NestedMultipart),
        (form(part(b"x", DISPOSITION, b"Content-Type: text/plain")), UnsupportedMediaType),
        (form(part(b"x", DISPOSITION, b"Content-Type: application/pdf")), UnsupportedMediaType),
        (form(part(b"x", DISPOSITION, b"Content-Transfer-Encoding: base64")), UnsupportedMediaType),
    ],
)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_everything_else_is_a_problem(body: bytes, expected: type[Problem], step: int) -> None:
    with pytest.raises(Problem) as caught:
        read(body, step)
    assert type(caught.value) is expected


def test_nothing_of_the_body_or_the_file_name_is_in_the_message() -> None:
    for body in (
        b"--BOUND\r\nDOE_JANE\x00: x\r\n",
        form(part(b"x", b'Content-Disposition: form-data; name="DOE_JANE"')),
    ):
        with pytest.raises(Problem) as caught:
            read(body)
        assert "DOE_JANE" not in caught.value.detail


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary=""', f"; boundary={'x' * 71}"])
def test_a_boundary_must_be_named(boundary: str) -> None:
    with pytest.raises(MissingBoundary):
        FormFile(f"multipart/form-data{boundary}", 10)


def test_time_grows_with_the_size_only_however_the_body_teases() -> None:
    """Near-boundaries everywhere; 8 MB of them must not take longer than the network needs to bring them."""
    begun = time.process_time()
    for tease in (b"\r", b"\r\n--BOUN", b"\r\n--BOUND\r"):
        data = (tease * (8_000_000 // len(tease)))[:-1] + b"x"
        assert read(form(part(data, DISPOSITION)), 65_536, max_bytes=9_000_000) == data
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("body", [form(part(DATA, DISPOSITION)), part(DATA, DISPOSITION)], ids=["whole", "cut off"])
def test_an_image_is_forgotten_with_its_form(body: bytes) -> None:
    """It does not wait for the garbage collector, which comes late where many requests are under way."""
    gc.disable()
    try:
        parser = FormFile(CONTENT_TYPE, 10_000)
        parser.write(body)
        kept = weakref.ref(parser.files[0])
        assert kept() is not None
        del parser
        assert kept() is None
    finally:
        gc.enable()


# -- several files

FILES = DISPOSITION.replace(b'"file"', b'"files"')


def read_all(body: bytes, step: int = 1 << 20, *, most_files: int = 3) -> list[bytes | type[Exception]]:
    parser = FormFiles(CONTENT_TYPE, 200, most_files)
    for start in range(0, len(body), step):
        parser.write(body[start : start + step])
    return [bytes(file.data) if file.problem is None else type(file.problem) for file in parser.end()]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_several_files_come_out_in_their_order(step: int) -> None:
    assert read_all(form(part(b"one", FILES), part(b"", FILES), part(b"three", FILES)), step) == [b"one", b"", b"three"]


@pytest.mark.parametrize("step", [1, 64, 1 << 20])
def test_of_several_files_a_bad_one_is_bad_alone(step: int) -> None:
    body = form(
        part(b"x" * 201, FILES), part(b"good", FILES), part(b"x", FILES, b"Content-Transfer-Encoding: base64"),
    )  # fmt: skip
    assert read_all(body, step) == [TooManyBytes, b"good", UnsupportedMediaType]


def test_a_file_that_is_not_read_takes_no_memory() -> None:
    parser = FormFiles(CONTENT_TYPE, 200, 3)
    parser.write(b"--BOUND\r\n" + FILES + b"\r\n\r\n")
    for _ in range(50):
        parser.write(b"x" * 100)
    assert [len(file.data) for file in parser.files] == [0]


def test_the_bytes_of_all_files_are_counted_and_nothing_else_of_the_form() -> None:
    parser = FormFiles(CONTENT_TYPE, 200, 3)
    parser.write(form(part(b"x" * 199, FILES), part(b"x" * 201, FILES), part(b"x", FILES, b"Content-Type: text/plain")))
    assert parser.received == 401


def test_more_files_than_there_may_be() -> None:
    with pytest.raises(TooManyFiles, match="more than 2 files"):
        read_all(form(*[part(b"x", FILES)] * 3), most_files=2)


def test_several_files_have_a_field_of_their_own() -> None:
    with pytest.raises(
        UnexpectedField, match="one field, 'files', and has another one; parameters belong into the query"
    ):
        read_all(form(part(b"x", DISPOSITION)))
    with pytest.raises(MissingFile, match="'files'"):
        read_all(form())
    with pytest.raises(MalformedBody):
        read_all(form(part(b"x", FILES))[:-6])
