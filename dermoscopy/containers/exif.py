"""The one EXIF value that changes what a picture shows: its orientation (tag 274 of the first directory)."""

from __future__ import annotations

import struct

_ORIENTATION = 274
_SHORT = 3
UPRIGHT = 1


def orientation(exif: bytes) -> int:
    """Read the orientation from an EXIF block that begins with its TIFF header.

    A block that is broken, has no orientation or one out of range counts as upright: that is what viewers do, every
    pixel stays what it is, and what a lesion is does not depend on which side is up.

    Args:
        exif: The block, without the `Exif\\0\\0` that precedes it in a JPEG.

    Returns:
        1 to 8, as in EXIF 2.32 section 4.6.4.
    """
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
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
