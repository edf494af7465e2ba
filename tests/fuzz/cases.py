"""What is fed to the decoder: a case is a format and a number, and always gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import NamedTuple

from PIL import Image

from tests.dermoscopy.dicom_files import lossless_files, lossy_files
from tests.dermoscopy.files import encode, exif, picture, srgb_profile, valid_files
from tests.fuzz import bmp, dicom, jpeg_scans, png, tiff_pictures, webp
from tests.fuzz.metadata import undated_srgb
from tests.fuzz.values import mangle

_MUTATE: dict[str, Callable[[Random, bytes, bytes], bytes]] = {
    "jpeg": jpeg_scans.mutate,
    "png": png.mutate,
    "tiff": tiff_pictures.mutate,
    "webp": webp.mutate,
    "bmp": bmp.mutate,
    "dicom": dicom.mutate,
}
FORMATS = tuple(_MUTATE)
# A checksum ends almost every case that was damaged without regard to it.
_MANGLED = {"png": 0.02}


class Case(NamedTuple):
    """One file: `jpeg:12345`."""

    format: str
    number: int

    def __str__(self) -> str:
        return f"{self.format}:{self.number}"


def parse_case(text: str) -> Case:
    """The case that a text names.

    Raises:
        ValueError: It names none.
    """
    form, _, number = text.partition(":")
    if form not in FORMATS or not number.isdecimal():
        raise ValueError(f"a case is FORMAT:NUMBER, with one of {', '.join(FORMATS)}")
    return Case(form, int(number))


def _extra_seeds() -> dict[str, bytes]:
    """Ways of storing a picture that the tests of the decoder take from elsewhere, or do not need."""
    large, few = picture("RGB", (720, 700)), picture().quantize(12)
    grey, alpha = picture("L"), picture("LA")
    return {
        "jpeg-444": encode(picture(), "JPEG", subsampling="4:4:4", quality=95),
        "jpeg-422": encode(picture(), "JPEG", subsampling="4:2:2", quality=30, exif=exif(5)),
        "jpeg-reduced": encode(large, "JPEG", quality=40),
        "jpeg-progressive-444": encode(picture(), "JPEG", progressive=True, subsampling="4:4:4"),
        "jpeg-progressive-grey": encode(grey, "JPEG", progressive=True, restart_marker_rows=1),
        "jpeg-progressive-cmyk": encode(picture("CMYK"), "JPEG", progressive=True),
        "png-few-colours": encode(few, "PNG", bits=4, transparency=b"\0\x80\xff"),
        "png-grey-alpha": encode(alpha, "PNG", icc_profile=undated_srgb()),
        "png-1-bit": encode(picture("1"), "PNG"),
        "tiff-cmyk": encode(picture("CMYK"), "TIFF", compression="packbits"),
        "tiff-16bit": encode(picture("I;16"), "TIFF", compression="tiff_deflate"),
        "tiff-alpha": encode(picture("RGBA"), "TIFF", compression="tiff_lzw"),
        "tiff-palette": encode(few.convert("P"), "TIFF"),
        "tiff-1-bit": encode(picture("1"), "TIFF"),
        "webp-worst": encode(picture(), "WEBP", quality=1, method=0, icc_profile=undated_srgb()),
        "webp-best": encode(picture(), "WEBP", quality=100, method=6),
        "webp-few-colours": encode(few.convert("RGB"), "WEBP", lossless=True, method=6),
        "webp-lossless-alpha": encode(picture("RGBA"), "WEBP", lossless=True, quality=0, exact=True),
        "webp-lossy-alpha": encode(picture("RGBA").transpose(Image.Transpose.ROTATE_90), "WEBP", alpha_quality=20),
        "bmp-1-bit": encode(picture("1"), "BMP"),
        "bmp-alpha": encode(picture("RGBA"), "BMP"),
        "bmp-grey": encode(grey, "BMP"),
    }


@cache
def seeds(form: str) -> tuple[bytes, ...]:
    """The sound files of a format that its cases are made from."""
    known = {name: data for name, (data, _) in valid_files().items()} | _extra_seeds()
    known |= {f"dicom-{name}": made.data for name, made in {**lossless_files(), **lossy_files()}.items()}
    return tuple(
        data.replace(srgb_profile(), undated_srgb()) for name, data in sorted(known.items()) if name.startswith(form)
    )


def build(case: Case) -> bytes:
    """The bytes of a case."""
    random = Random(str(case))
    sound = seeds(case.format)
    data = _MUTATE[case.format](random, random.choice(sound), random.choice(sound))
    if random.random() < _MANGLED.get(case.format, 0.1):
        for _ in range(random.choice((1, 1, 1, 3, 20))):
            data = mangle(random, data)
    if random.random() < 0.02:
        other = random.choice(seeds(random.choice(FORMATS)))
        at = random.randrange(len(data) + 1)
        data = data[:at] + other[random.randrange(len(other)) :] + random.choice((b"", data[at:]))
    return data
