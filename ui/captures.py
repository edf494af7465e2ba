"""The picture in a Secondary Capture that the service made, which is always coded in the one simple way read here.

What a clinic's archive sends is coded in some twenty ways; of those the service makes this one.
"""

import io
import struct
from collections.abc import Iterator

from PIL import Image

_SYNTAX, _SAMPLES, _PLANAR, _ROWS, _COLUMNS, _BITS, _PIXELS = (
    0x0002_0010, 0x0028_0002, 0x0028_0006, 0x0028_0010, 0x0028_0011, 0x0028_0100, 0x7FE0_0010
)  # fmt: skip
_EXPLICIT = b"1.2.840.10008.1.2.1"
# PS3.5 section 7.1.2: the lengths of these have four bytes.
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}


def preview(capture: bytes) -> bytes | None:
    """A JPEG of the picture, without anything else that the file says.

    Args:
        capture: The file.

    Returns:
        None where it is coded otherwise than melanoserve does it.
    """
    try:
        found = dict(_elements(capture))
        samples, planar, rows, columns, bits = (
            struct.unpack("<H", found[tag])[0] for tag in (_SAMPLES, _PLANAR, _ROWS, _COLUMNS, _BITS)
        )
        if (found[_SYNTAX].rstrip(b"\0"), samples, planar, bits) != (_EXPLICIT, 3, 0, 8):
            return None
        picture = Image.frombytes("RGB", (columns, rows), found[_PIXELS][: 3 * rows * columns])
    except (KeyError, ValueError, struct.error):
        return None
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of everything on the highest level."""
    at = 132
    while at < len(data):
        group, number, kind = struct.unpack_from("<HH2s", data, at)
        begin = at + (12 if kind in _LONG else 8)
        (length,) = struct.unpack_from("<I", data, at + 8) if kind in _LONG else struct.unpack_from("<H", data, at + 6)
        at = begin + length
        yield group << 16 | number, data[begin:at]
