"""Whole HTTP/1.1 requests as bytes, made once and sent many times."""

from __future__ import annotations

import json

BOUNDARY = "melanoserve-benchmark"


def post_image(
    image: bytes, *, key: str | None = None, path: str = "/classify", media_type: str = "image/jpeg"
) -> bytes:
    """A request that posts an image as multipart field `file`.

    Args:
        image: The file.
        key: API key, if one is needed.
        path: Path and query.
        media_type: What the file is declared to be.
    """
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="image"\r\n'
    body = f"{head}Content-Type: {media_type}\r\n\r\n".encode() + image + f"\r\n--{BOUNDARY}--\r\n".encode()
    return _request("POST", path, key, f"multipart/form-data; boundary={BOUNDARY}", body)


def get(path: str, *, key: str | None = None) -> bytes:
    """A request without a body."""
    return _request("GET", path, key, None, b"")


def put_json(path: str, value: object, *, key: str | None = None) -> bytes:
    """A request that puts a JSON document."""
    return _request("PUT", path, key, "application/json", json.dumps(value).encode())


def _request(method: str, path: str, key: str | None, content_type: str | None, body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if content_type is not None:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
