"""Inputs that no image decoder should accept, for the decoder's tests and, over HTTP, the service's."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

from PIL import Image

from tests.dermoscopy import hostile_bmp, hostile_dicom, hostile_jpeg, hostile_png, hostile_tiff, hostile_webp
from tests.dermoscopy.files import CONTENT_TYPES, encode, picture, valid_files


class HostileInput(NamedTuple):
    """One input; `content_type` is what a client would call it."""

    name: str
    data: bytes
    content_type: str


def _truncated() -> Iterator[HostileInput]:
    """Cut every valid file in its magic, in its header, in its tables, in its pixels and right before its end."""
    for name, (data, content_type) in valid_files().items():
        places = {4, 16, 30, 60, len(data) // 4, len(data) // 2, len(data) * 9 // 10, len(data) - 9, len(data) - 1}
        for place in sorted(places):
            yield HostileInput(f"{name}-cut-at-{place}", data[:place], content_type)


def _wrong_magic() -> Iterator[HostileInput]:
    for name, (data, content_type) in valid_files().items():
        yield HostileInput(f"{name}-wrong-magic", bytes([data[0] ^ 0x20]) + data[1:], content_type)
        yield HostileInput(f"{name}-magic-only", data[:8] + b"\0" * 64, content_type)
        yield HostileInput(f"{name}-shifted", b"\n" + data, content_type)


def _tiny() -> Iterator[HostileInput]:
    for form, content_type in CONTENT_TYPES.items():
        for size in ((1, 1), (31, 200), (200, 31)):
            data = encode(picture("RGB", size), form)
            yield HostileInput(f"{form.lower()}-{size[0]}x{size[1]}", data, content_type)


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lesion.jpg", valid_files()["jpeg"][0])
    return out.getvalue()


def _foreign() -> Iterator[HostileInput]:
    """What is not an image, or not one that is read, under the name of one that is."""
    frames = [picture("P"), picture("P").transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    contents: dict[str, bytes] = {
        "zero-bytes": b"",
        "one-byte": b"\xff",
        "null-bytes": bytes(4096),
        "text": b"benign, I promise\n" * 40,
        "html": b"<!doctype html><title>502</title><h1>Bad Gateway</h1>",
        "json": json.dumps({"image": "aGVsbG8="}).encode(),
        "base64": b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0a",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'><rect width='99' height='99'/></svg>",
        "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
        "zip": _zip(),
        "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes(64),
        "elf": b"\x7fELF\x02\x01\x01" + bytes(200),
        "exe": b"MZ\x90\0" + bytes(200),
        "gif": encode(picture("P"), "GIF"),
        "gif-animated": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "ppm": encode(picture(), "PPM"),
        "tga": encode(picture(), "TGA"),
        "ico": encode(picture(), "ICO"),
        "avif": b"\0\0\0\x1cftypavif" + bytes(200),
        "heic": b"\0\0\0\x18ftypheic" + bytes(200),
        "jpeg-2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200),
        "psd": b"8BPS\0\x01" + bytes(200),
        "mp4": b"\0\0\0\x18ftypmp42" + bytes(200),
        "wave": b"RIFF\x24\0\0\0WAVEfmt " + bytes(200),
        "utf16-text": "melanoma".encode("utf-16"),
    }
    for name, data in contents.items():
        yield HostileInput(name, data, "image/jpeg")


_FORMATS: tuple[tuple[str, Callable[[], dict[str, bytes]]], ...] = (
    ("JPEG", hostile_jpeg.inputs),
    ("PNG", hostile_png.inputs),
    ("WEBP", hostile_webp.inputs),
    ("TIFF", hostile_tiff.inputs),
    ("BMP", hostile_bmp.inputs),
)


def hostile_inputs() -> Iterator[HostileInput]:
    """Yield all of them, each with a name of its own; well over 200, none larger than 300 kB."""
    yield from _foreign()
    yield from _truncated()
    yield from _wrong_magic()
    yield from _tiny()
    for form, inputs in _FORMATS:
        for name, data in inputs().items():
            yield HostileInput(f"{form.lower()}-{name}", data, CONTENT_TYPES[form])
    for name, data in hostile_dicom.inputs().items():
        yield HostileInput(f"dicom-{name}", data, "application/dicom")
