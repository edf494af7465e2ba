import select
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.raw_http import connect
from tests.running_service import Service, running
from tests.service.test_problem_responses import check_problem
from tests.service.test_routes_models import versions
from tests.tiny_models import MELANOMA, picture, png

LIMIT = 400_000


@pytest.fixture(scope="module")
def limited(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with low limits and a folder for temporary files of its own."""
    folder = tmp_path_factory.mktemp("limited")
    variables = {"TMPDIR": str(folder)}
    state = tmp_path_factory.mktemp("state")
    with running(pristine_store, state, variables=variables, MAX_BYTES=str(LIMIT), MAX_PIXELS="60000") as service:
        yield service


def test_an_image_of_exactly_the_limit_is_read(limited: Service) -> None:
    data = png(picture(MELANOMA)).ljust(LIMIT, b"\0")
    for options in ({"content": data, "headers": {"Content-Type": "image/png"}}, {"files": {"file": data}}):
        assert limited.client.post("/classify", **options).status_code == 200
    more = data + b"\0"
    for options in ({"content": more, "headers": {"Content-Type": "image/png"}}, {"files": {"file": more}}):
        check_problem(limited.client.post("/classify", **options), 413, "image_too_large")


def test_too_many_pixels(limited: Service) -> None:
    answer = limited.client.post("/classify", files={"file": png(np.zeros((300, 300, 3), np.uint8))})
    assert "60000" in str(check_problem(answer, 413, "too_many_pixels")["detail"])


def test_a_content_length_that_says_too_much_is_refused_before_any_byte_is_sent(limited: Service) -> None:
    with connect(limited) as connection:
        connection.sendall(
            b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99999999999\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("content_type", ["image/png", "multipart/form-data; boundary=B"])
def test_a_body_without_a_length_is_refused_while_it_streams_in(limited: Service, content_type: str) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n' if "multipart" in content_type else b""
    sent = 0
    with connect(limited) as connection:
        head = (
            f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        connection.sendall(head.encode() + b"%x\r\n%b\r\n" % (len(part), part) if part else head.encode())
        chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
        while sent < 3 * LIMIT and not select.select([connection], [], [], 0.001)[0]:
            connection.sendall(chunk)
            sent += 10_000
        # No more comes, and no end: it is refused for what it has got.
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert sent > LIMIT


def test_a_form_s_wrapping_is_bounded_too(limited: Service) -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--B--\r\n' + b" " * LIMIT * 2
    answer = limited.client.post(
        "/classify", content=iter([body]), headers={"Content-Type": "multipart/form-data; boundary=B"}
    )
    check_problem(answer, 413, "image_too_large")


@pytest.mark.parametrize("content_type", ["image/png", "multipart/form-data; boundary=B"])
def test_a_client_that_leaves_disturbs_nobody(limited: Service, content_type: str) -> None:
    head = "POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\nContent-Length: {}\r\nX-Request-ID: {}\r\n\r\n"
    body, kind = png(picture(MELANOMA)), content_type[:5]
    with connect(limited) as connection:
        connection.sendall(head.format(content_type, 5000, f"half-{kind}").encode() + b"--B\r\n")
    with connect(limited) as connection:
        connection.sendall(head.format("image/png", len(body), f"whole-{kind}").encode() + body)
    assert limited.request(f"half-{kind}")["code"] == "incomplete_body"
    assert limited.request(f"whole-{kind}")["status"] in {200, 400}
    assert limited.client.post("/classify", files={"file": body}).status_code == 200
    assert not limited.events("unhandled")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/pdf"}, 415, "unsupported_media_type"),
        ({"Content-Type": "image/gif"}, 415, "unsupported_media_type"),
        ({"Content-Type": "multipart/mixed; boundary=B"}, 415, "unsupported_media_type"),
        ({"Content-Type": "image/png", "Content-Encoding": "gzip"}, 415, "unsupported_content_encoding"),
        ({"Content-Type": "image/png", "Accept": "text/html"}, 406, "not_acceptable"),
        ({"Content-Type": "multipart/form-data"}, 400, "missing_boundary"),
        ({"Content-Type": "multipart/form-data; boundary=B"}, 400, "malformed_multipart"),
    ],
)
@pytest.mark.parametrize("path", ["/classify", "/grade"])
def test_headers_that_cannot_be_served(
    client: httpx.Client, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = client.post(path, content=png(picture(MELANOMA)), headers=headers)
    check_problem(answer, status, code)


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ([("image", ("a.png", b"x"))], 400, "unexpected_field"),
        ([("file", ("a.png", b"x")), ("file", ("b.png", b"x"))], 400, "several_files"),
        ([("file", ("a.png", b"x", "multipart/mixed; boundary=C"))], 400, "nested_multipart"),
        ([("file", ("a.png", b"x", "application/pdf"))], 415, "unsupported_media_type"),
        ([("file", ("a.png", b"", "image/png"))], 422, "empty_image"),
        ([("file", ("a.png", b"GIF89a" + b"x" * 99, "image/png"))], 415, "unsupported_image_type"),
    ],
)
def test_forms_that_cannot_be_served(
    client: httpx.Client, files: list[tuple[str, tuple[str, bytes]]], status: int, code: str
) -> None:
    check_problem(client.post("/classify", files=files), status, code)


def test_a_body_that_is_about_no_image_is_not_called_one(client: httpx.Client) -> None:
    answer = client.put("/models/classifier/labels/stable", content=b" " * 10_001)
    check_problem(answer, 413, "body_too_large")


def test_a_form_without_any_field(client: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    check_problem(client.post("/classify", content=b"--B--\r\n", headers=headers), 400, "missing_file")


def test_an_image_never_touches_the_disk(limited: Service) -> None:
    """Even a file that is deleted at once changes the time of its folder."""
    environment = Path(f"/proc/{limited.process.pid}/environ").read_bytes().split(b"\0")
    folder = Path(next(item for item in environment if item.startswith(b"TMPDIR=")).split(b"=", 1)[1].decode())
    versions(limited.client)  # once they were tried, nothing else is going on
    before = folder.stat().st_mtime_ns
    data = png(picture(MELANOMA)).ljust(LIMIT, b"\0")
    for kind in ("TIFF", "JPEG", "PNG"):
        assert limited.client.post("/grade", files={"file": (f"x.{kind}", data)}).status_code == 200
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mtime_ns == before
