import email.parser
import email.policy

from benchmarks.requests import get, post_image, put_json


def _parts(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_an_image_is_posted_as_the_one_file_of_a_form() -> None:
    data = bytes(range(256)) * 3
    first, headers, body = _parts(post_image(data, media_type="image/png"))
    assert first == "POST /classify HTTP/1.1"
    assert int(headers["Content-Length"]) == len(body)
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body
    )
    (part,) = message.iter_parts()
    assert part.get_param("name", header="Content-Disposition") == "file"
    assert part.get_content_type() == "image/png"
    assert part.get_payload(decode=True) == data


def test_the_key_is_sent_only_when_there_is_one() -> None:
    assert _parts(post_image(b"x", key="msk_1"))[1]["Authorization"] == "Bearer msk_1"
    assert b"Authorization" not in post_image(b"x")


def test_a_probe_has_no_body() -> None:
    first, headers, body = _parts(get("/livez"))
    assert (first, body) == ("GET /livez HTTP/1.1", b"")
    assert "Content-Length" not in headers


def test_json_is_put() -> None:
    first, headers, body = _parts(put_json("/models/classifier/labels/stable", {"version": 2}, key="k"))
    assert first == "PUT /models/classifier/labels/stable HTTP/1.1"
    assert (headers["Content-Type"], body) == ("application/json", b'{"version": 2}')
