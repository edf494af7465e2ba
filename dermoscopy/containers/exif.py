"""The EXIF values that change what a picture shows: its orientation, and that a camera's colours are Adobe RGB."""

from __future__ import annotations

import struct

_ORIENTATION = 274
_SHORT = 3
UPRIGHT = 1
# EXIF 2.32 sections 4.6.3, 4.6.5 and 4.6.7: where the other directories are, and what they say of the colours.
_EXIF, _INTEROPERABILITY = 34_665, 40_965
_COLOUR_SPACE, _INDEX = 40_961, 1
_UNCALIBRATED, _ADOBE_RGB = 0xFFFF, b"R03\0"


def _order(exif: bytes) -> str | None:
    """The byte order of a block that begins with its TIFF header, as `struct` names it."""
    return {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])


def orientation(exif: bytes) -> int:
    """Read the orientation from an EXIF block that begins with its TIFF header.

    A block that is broken, has no orientation or one out of range counts as upright: that is what viewers do, every
    pixel stays what it is, and what a lesion is does not depend on which side is up.

    Args:
        exif: The block, without the `Exif\\0\\0` that precedes it in a JPEG.

    Returns:
        1 to 8, as in EXIF 2.32 section 4.6.4.
    """
    order = _order(exif)
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, directory)
        for index in range(count):
            tag, kind, values, value = struct.unpack_from(order + "HHIH", exif, directory + 2 + 12 * index)
            if tag == _ORIENTATION:
                return int(value) if kind == _SHORT and values == 1 and 1 <= value <= 8 else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT


def is_adobe_rgb(exif: bytes) -> bool:
    """Whether a camera says of its picture that the colours are Adobe RGB (DCF 2.0: uncalibrated, and index R03).

    Args:
        exif: As for `orientation`; a block that is broken says nothing.
    """
    order = _order(exif)
    if order is None:
        return False
    try:
        (first,) = struct.unpack_from(order + "I", exif, 4)
        found = _value(exif, order, first, _EXIF)
        if found is None:
            return False
        (details,) = struct.unpack(order + "I", found)
        space, place = (_value(exif, order, details, tag) for tag in (_COLOUR_SPACE, _INTEROPERABILITY))
        if space is None or place is None or struct.unpack_from(order + "H", space) != (_UNCALIBRATED,):
            return False
        return _value(exif, order, struct.unpack(order + "I", place)[0], _INDEX) == _ADOBE_RGB
    except struct.error:
        return False


def _value(exif: bytes, order: str, directory: int, wanted: int) -> bytes | None:
    """The four bytes that a field of a directory has for its value, or for its place."""
    (count,) = struct.unpack_from(order + "H", exif, directory)
    for index in range(count):
        tag, _, _, value = struct.unpack_from(order + "HHI4s", exif, directory + 2 + 12 * index)
        if tag == wanted:
            return bytes(value)
    return None
