"""From a DICOM file to the one picture in it that is meant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from dermoscopy.containers.container import Container
from dermoscopy.dicom import jpeg_2000, jpeg_frame, jpeg_ls, samples
from dermoscopy.dicom.elements import corrupt, matches, read_elements
from dermoscopy.dicom.frames import frame_bytes, which
from dermoscopy.dicom.header import WANTED, Header, read_header
from dermoscopy.dicom.syntaxes import (
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_FIRST,
    JPEG_LS,
    JPEG_LS_NEAR,
    NATIVE,
    RLE,
)
from dermoscopy.limits import Limits
from dermoscopy.load import load

__all__ = ["MEDIA_TYPE", "Photograph", "inspect", "matches", "show"]

MEDIA_TYPE = "application/dicom"

_LOSSY = (JPEG_BASELINE, JPEG_EXTENDED)
_LOSSLESS = (JPEG_LOSSLESS, JPEG_LOSSLESS_FIRST)
_J2K = (JPEG_2000, JPEG_2000_LOSSLESS)
_JPEG_LS = (JPEG_LS, JPEG_LS_NEAR)


@dataclass(frozen=True)
class Photograph:
    """One frame of a DICOM object whose structure was checked from end to end.

    Attributes:
        header: What the pixels are.
        coded: The frame: for Pillow, or as its coding has it (native, run-length segments, JPEG-LS).
        icc_profile: Of the object, else of the JPEG in it.
    """

    header: Header
    coded: Container | bytes | list[bytes]
    icc_profile: bytes | None


def inspect(data: bytes, limits: Limits, frame: int | None) -> Photograph:
    """Check a DICOM file and find a frame in it; no pixel is decoded.

    Args:
        data: The file; `matches` is true of it.
        limits: Bounds on bytes and pixels.
        frame: Its number, from 1; needed where there are several.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    found = read_elements(data, WANTED, limits)
    header = read_header(found, limits)
    stored = frame_bytes(found, header, which(header.frames, frame))
    coded = _inspected(stored, header, limits)
    profile = header.icc_profile
    if profile is None and isinstance(coded, Container):
        profile = coded.icc_profile
    return Photograph(header, coded, profile)


def _inspected(stored: bytes, header: Header, limits: Limits) -> Container | bytes | list[bytes]:
    if header.syntax in _LOSSY:
        return jpeg_frame.inspect_lossy(stored, header, limits)
    if header.photometric == "YBR_FULL_422" and (header.syntax not in NATIVE or header.columns % 2):
        raise corrupt("its photometric interpretation is none of its transfer syntax")
    if header.syntax in _J2K:
        return jpeg_2000.inspect(stored, header, limits)
    if header.photometric in {"YBR_ICT", "YBR_RCT"}:
        raise corrupt("its photometric interpretation is none of its transfer syntax")
    if header.syntax in _LOSSLESS:
        return jpeg_frame.inspect_lossless(stored, header)
    if header.syntax in _JPEG_LS:
        return jpeg_ls.inspect(stored, header)
    return samples.run_lengths(stored, header) if header.syntax == RLE else stored


def show(photograph: Photograph, enough: int | None = None) -> Image.Image:
    """Decode a frame that was inspected.

    Args:
        photograph: From `inspect`.
        enough: As for `dermoscopy.load.load`; of a lossless coding every pixel is decoded.

    Returns:
        Mode L or RGB, in the colours of `photograph.icc_profile`.

    Raises:
        CorruptImage: The pixels cannot be decoded, or a part of them is missing.
    """
    header, coded = photograph.header, photograph.coded
    if isinstance(coded, list):
        return samples.to_image(samples.from_run_lengths(coded, header), header)
    if isinstance(coded, bytes):
        decode = jpeg_ls.decode if header.syntax in _JPEG_LS else samples.native
        return samples.to_image(decode(coded, header), header)
    if header.syntax in _LOSSY:
        image = load(coded, enough)
        return ImageOps.invert(image) if header.photometric == "MONOCHROME1" else image
    # A lossless JPEG has no reduced scale, which Pillow would find out only in the middle of it.
    return _from_decoder(load(coded), header)


def _from_decoder(image: Image.Image, header: Header) -> Image.Image:
    """Pillow spreads what JPEG 2000 has of 9 to 15 bits over 16, and gives colours in 8."""
    values = np.asarray(image)
    values = values.reshape(header.rows, header.columns, -1)
    if values.shape[2] != header.samples:
        raise corrupt("its picture has other samples")
    converted = header.photometric in {"YBR_ICT", "YBR_RCT"}
    bits = values.dtype.itemsize * 8
    return samples.to_image(values, header, bits=bits, converted=converted)
