"""What a data set says of its pixels (PS3.3 section C.7.6.3), checked before any is allocated."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from dermoscopy.dicom.elements import PIXEL_DATA, DataSet, corrupt
from dermoscopy.dicom.syntaxes import PHOTOGRAPHS, SYNTAXES
from dermoscopy.errors import NotAPhotograph, UnsupportedImageType, UnsupportedTransferSyntax
from dermoscopy.limits import Limits

SOP_CLASS = 0x00080016
SAMPLES, PHOTOMETRIC, PLANAR, FRAMES, ROWS, COLUMNS = (
    0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011
)  # fmt: skip
ALLOCATED, STORED, HIGH_BIT, SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
INTERCEPT, SLOPE, WINDOW_CENTRE, MODALITY_LUT, VOI_LUT = 0x00281052, 0x00281053, 0x00281050, 0x00283000, 0x00283010
PALETTE_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
PALETTE_VALUES = (0x00281201, 0x00281202, 0x00281203)
ICC_PROFILE, COLOUR_SPACE = 0x00282000, 0x00282002
PRESENTATION_LUT, PRESENTATION_SHAPE = 0x20500010, 0x20500020
OFFSETS = 0x7FE00001

WANTED = frozenset(
    {
        SOP_CLASS, SAMPLES, PHOTOMETRIC, PLANAR, FRAMES, ROWS, COLUMNS, ALLOCATED, STORED, HIGH_BIT, SIGNED, INTERCEPT,
        SLOPE, WINDOW_CENTRE, MODALITY_LUT, VOI_LUT, *PALETTE_DESCRIPTORS, *PALETTE_VALUES, ICC_PROFILE, COLOUR_SPACE,
        PRESENTATION_LUT, PRESENTATION_SHAPE, OFFSETS, PIXEL_DATA,
    }
)  # fmt: skip

# Photometric interpretation -> how many samples each pixel has.
_SAMPLES = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1,
    "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3, "YBR_ICT": 3, "YBR_RCT": 3,
}  # fmt: skip
_DIGITS_OF_FRAMES = 10
_TABLES = (WINDOW_CENTRE, MODALITY_LUT, VOI_LUT, PRESENTATION_LUT)


@dataclass(frozen=True)
class Palette:
    """The colours of a PALETTE COLOR object (PS3.3 section C.7.6.3.1.5).

    Attributes:
        first: Pixel value of the first entry.
        entries: For red, green and blue the values, 8 bits each.
    """

    first: int
    entries: tuple[bytes, bytes, bytes]


@dataclass(frozen=True)
class Header:
    """What the pixels are.

    Attributes:
        syntax: UID of the transfer syntax.
        order: Byte order of samples of 16 bits.
        words: Whether native pixels of 8 bits lie in words of 16.
        columns: Width in pixels.
        rows: Height in pixels.
        frames: How many pictures there are.
        samples: Of each pixel, 1 or 3.
        allocated: Bits that each sample takes, 8 or 16.
        stored: Bits that it has, the lowest ones.
        planar: Whether each frame holds all red samples, then all green, then all blue.
        photometric: What the samples mean.
        palette: Of PALETTE COLOR.
        icc_profile: Of the object.
    """

    syntax: str
    order: Literal["<", ">"]
    words: bool
    columns: int
    rows: int
    frames: int
    samples: int
    allocated: int
    stored: int
    planar: bool
    photometric: str
    palette: Palette | None
    icc_profile: bytes | None


def read_header(found: DataSet, limits: Limits) -> Header:
    """Check what a data set says of its pixels.

    Raises:
        NotAPhotograph: The object is of another kind, or has no pixels.
        ImageError: As listed in `dermoscopy.errors`.
    """
    if _text(found, SOP_CLASS) not in PHOTOGRAPHS:
        raise NotAPhotograph(
            "The DICOM object is no VL Photographic Image, no Dermoscopic Photography Image and no Secondary Capture."
        )
    if found.syntax not in SYNTAXES:
        raise UnsupportedTransferSyntax("The transfer syntax of the DICOM object is not read.")
    pixels = found.elements.get(PIXEL_DATA)
    if pixels is None:
        raise corrupt("it has no pixels")
    columns, rows = _number(found, COLUMNS), _number(found, ROWS)
    allocated, stored = _bits(found)
    # Samples of 16 bits take twice the memory.
    limits.check_pixels(columns, rows, weight=allocated // 8)
    photometric = _text(found, PHOTOMETRIC) or ""
    if photometric not in _SAMPLES:
        raise UnsupportedImageType("The photometric interpretation of the DICOM object is not read.")
    samples = _SAMPLES[photometric]
    if _number(found, SAMPLES) != samples:
        raise corrupt("its samples do not fit its photometric interpretation")
    if samples == 1:
        _check_plain(found, photometric)
    return Header(
        syntax=found.syntax,
        order=found.order,
        words=pixels.vr == b"OW",
        columns=columns,
        rows=rows,
        frames=_frames(found),
        samples=samples,
        allocated=allocated,
        stored=stored,
        planar=samples == 3 and bool(_number(found, PLANAR, most=1)),
        photometric=photometric,
        palette=_palette(found) if photometric == "PALETTE COLOR" else None,
        icc_profile=_profile(found),
    )


def _text(found: DataSet, tag: int) -> str | None:
    value = found.value(tag)
    return None if value is None else value.decode("ascii", "replace").strip("\0 ")


def _number(found: DataSet, tag: int, *, most: int = 65_535) -> int:
    value = found.value(tag)
    if value is None or len(value) != 2:
        raise corrupt("it does not say how its pixels are stored")
    number: int = struct.unpack(f"{found.order}H", value)[0]
    if number > most:
        raise corrupt("it does not say how its pixels are stored")
    return number


def _bits(found: DataSet) -> tuple[int, int]:
    allocated, stored = _number(found, ALLOCATED), _number(found, STORED)
    if allocated not in (8, 16) or _number(found, SIGNED):
        raise UnsupportedImageType("Only DICOM photographs with unsigned samples of 8 or 16 bits are read.")
    if not 1 <= stored <= allocated or _number(found, HIGH_BIT) != stored - 1:
        raise corrupt("its bits contradict each other")
    return allocated, stored


def _frames(found: DataSet) -> int:
    text = _text(found, FRAMES)
    if text is None:
        return 1
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_OF_FRAMES and int(text)):
        raise corrupt("it does not say how many frames it has")
    return int(text)


def _check_plain(found: DataSet, photometric: str) -> None:
    """Grey values are shown as they are: what a window or a table would make of them, a photograph does not need."""
    try:
        plain = float(_text(found, SLOPE) or 1) == 1 and float(_text(found, INTERCEPT) or 0) == 0
    except ValueError:
        raise corrupt("its rescale is no number") from None
    # PS3.3 section C.11.6: what MONOCHROME1 means already, some objects say once more.
    shape = _text(found, PRESENTATION_SHAPE)
    plain = plain and shape in {None, "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"}
    if not plain or any(found.value(tag) is not None for tag in _TABLES):
        raise UnsupportedImageType("Grey and palette DICOM images with window, rescale or look-up table are not read.")


def _palette(found: DataSet) -> Palette:
    """The palette; entries of 16 bits are reduced to their high byte."""
    entries: list[bytes] = []
    described = {found.value(tag) for tag in PALETTE_DESCRIPTORS}
    descriptor = described.pop()
    if described or descriptor is None or len(descriptor) != 6:
        raise UnsupportedImageType("The palette of the DICOM object is missing, or differs in its channels.")
    count, first, bits = struct.unpack(f"{found.order}HHH", descriptor)
    count = count or 65_536
    for tag in PALETTE_VALUES:
        value = found.value(tag)
        if value is None:
            raise UnsupportedImageType("Segmented palettes of DICOM objects are not read.")
        if bits not in (8, 16) or len(value) not in {bits // 8 * count, bits // 8 * count + count % 2 * (bits == 8)}:
            raise corrupt("its palette is not whole")
        if bits == 16:
            value = value[1::2] if found.order == "<" else value[0::2]
        elif found.order == ">":
            raise UnsupportedImageType("Palettes of 8 bits in big endian DICOM objects are not read.")
        entries.append(value[:count])
    if bits == 16 and not any(map(any, entries)):
        raise corrupt("its palette has 16 bits and nothing in the upper 8")
    return Palette(first, (entries[0], entries[1], entries[2]))


def _profile(found: DataSet) -> bytes | None:
    profile = found.value(ICC_PROFILE)
    if profile is None and (_text(found, COLOUR_SPACE) or "SRGB") != "SRGB":
        raise UnsupportedImageType("The DICOM object is in another colour space than sRGB and has no ICC profile.")
    return profile
