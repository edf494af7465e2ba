"""Images that say in every place where a file can say something whose they are, and how to find that again."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from PIL import Image, PngImagePlugin

from tests.dermoscopy.dicom_files import native
from tests.tiny_models import MELANOMA, picture

WORD = "Kanarienvogel"
"""In everything that must not come out anywhere."""

IPTC = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x16\x1c\x02\x78\x00\x11"


class Sent(NamedTuple):
    """A file, and what it is declared to be."""

    name: str
    data: bytes
    media_type: str


def _exif() -> Image.Exif:
    """Every text of EXIF that cameras and viewers write, a maker note and a place."""
    exif = Image.Exif()
    for tag in (270, 271, 272, 305, 306, 315, 316, 33432):  # description, make, model, software, time, artist, ...
        exif[tag] = f"{WORD} {tag}"
    for tag in (40091, 40092, 40093, 40094, 40095):  # what Windows writes, in UTF-16
        exif[tag] = f"{WORD} {tag}".encode("utf-16-le")
    inner = exif.get_ifd(0x8769)
    inner[37510] = b"ASCII\0\0\0" + f"{WORD} comment".encode()
    inner[37500] = f"{WORD} maker note".encode()
    inner[42032], inner[42033] = f"{WORD} owner", f"{WORD} serial"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (41.0, 23.0, 19.5), "E", (2.0, 9.0, 6.1)
    place[27], place[28], place[29] = f"{WORD} method".encode(), f"{WORD} ward".encode(), WORD
    return exif


def _xmp() -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>{WORD}</dc:creator></x:xmpmeta>'.encode()


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", exif=_exif().tobytes(), xmp=_xmp(), comment=f"{WORD} comment")
    data = out.getvalue()
    iptc = _segment(0xED, IPTC + WORD.encode() + b"\0" * 8)
    return data[:2] + iptc + data[2:] + f"{WORD} behind the end".encode()


def _png(image: Image.Image) -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", WORD)
    texts.add_text("Comment", WORD, zip=True)
    texts.add_itxt("Description", WORD, lang="de", tkey=WORD)
    texts.add_itxt("XML:com.adobe.xmp", _xmp().decode())
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=texts, exif=_exif().tobytes())
    return out.getvalue()


def _dicom() -> bytes:
    """Who it is of, who sent it, where it was taken, by whom and with what."""
    names = ("PatientName", "ReferringPhysicianName", "OperatorsName", "PatientComments", "PatientAddress",
             "InstitutionName", "StudyDescription", "ImageComments", "DeviceSerialNumber")  # fmt: skip
    numbers = ("PatientID", "AccessionNumber", "StudyID", "StationName")
    texts: dict[str, Any] = dict.fromkeys((*names, *numbers), WORD)
    return native(picture(MELANOMA), **texts)


def images() -> list[Sent]:
    """One of each kind that can carry texts."""
    image = Image.fromarray(picture(MELANOMA))
    found = [Sent("jpeg", _jpeg(image), "image/jpeg"), Sent("png", _png(image), "image/png")]
    for form in ("TIFF", "WEBP"):
        out = io.BytesIO()
        image.save(out, form, exif=_exif(), xmp=_xmp())
        found.append(Sent(form.lower(), out.getvalue(), f"image/{form.lower()}"))
    return [*found, Sent("dicom", _dicom(), "application/dicom")]


def broken() -> Iterator[Sent]:
    """The same, cut off at many places, with damaged texts, and what is no image at all."""
    for name, data, media_type in images():
        for place in (2, 40, 200, len(data) // 2, len(data) * 9 // 10):
            yield Sent(f"{name}-cut-{place}", data[:place], media_type)
        yield Sent(f"{name}-damaged", data.replace(b"Kanar", b"\xff\xff\xff\xff\xff", 1), media_type)
        yield Sent(f"{name}-misdeclared", data, "image/bmp")
    yield Sent("text", f"{WORD} is no image".encode() * 100, "image/jpeg")
    yield Sent("gif", b"GIF89a" + WORD.encode() * 50, "image/png")


def forms(word: str) -> dict[str, bytes]:
    """How a word may look in a file: as it is, in UTF-16, for URLs and JSON, in hexadecimal, in base64."""
    plain = word.encode()
    aligned = {
        f"base64 {lead}": base64.b64encode(b"\0" * lead + plain)[4 if lead else 0 : -4].lstrip(b"=")
        for lead in range(3)
    }
    return {
        "plain": plain,
        "lower": plain.lower(),
        "utf-16": word.encode("utf-16-le"),
        "url": quote(word).encode(),
        "hex": plain.hex().encode(),
        **aligned,
    }


def leaks(places: dict[str, bytes], word: str = WORD, pixels: tuple[bytes, ...] = ()) -> list[str]:
    """Where a word is found, in whatever form; or bytes of a file's picture."""
    wanted = forms(word) | {f"pixels {number}": part for number, part in enumerate(pixels)}
    return sorted(
        f"{place}: {form}"
        for place, held in places.items()
        for form, text in wanted.items()
        if text in held or text in _unpacked(held)
    )


def _unpacked(held: bytes) -> bytes:
    """What the texts of a PNG say, if it is one."""
    if not held.startswith(b"\x89PNG"):
        return b""
    with Image.open(io.BytesIO(held)) as image:
        image.load()
        return repr(image.info).encode() + zlib.compress(b"")
