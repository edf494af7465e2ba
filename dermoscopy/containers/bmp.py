"""BMP with a Windows header (version 3, 4 or 5), not compressed."""

from __future__ import annotations

import struct

from dermoscopy.containers.container import Container
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits

MAGIC = b"BM"

_FILE_HEADER = 14
# BITMAPINFOHEADER, its two extensions by colour masks, BITMAPV4HEADER and BITMAPV5HEADER.
_HEADERS = (40, 52, 56, 108, 124)
_PLAIN, _MASKED = 0, 3
# PROFILE_EMBEDDED and PROFILE_LINKED, stored with the low byte first.
_EMBEDDED, _LINKED = b"DEBM", b"KNIL"
_DEPTHS = {_PLAIN: (1, 4, 8, 16, 24, 32), _MASKED: (16, 24, 32)}
# Behind the first 40 bytes of the header, whether they are a part of it or follow it.
_MASKS = _FILE_HEADER + 40
# Depth -> the masks of red, green, blue and, of 32 bits, alpha that Pillow knows.
_KNOWN_MASKS: dict[int, set[tuple[int, ...]]] = {
    16: {(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)},
    24: {(0xFF0000, 0xFF00, 0xFF)},
    32: {
        (0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0),
    },
}  # fmt: skip


def _corrupt(what: str) -> CorruptImage:
    return CorruptImage(f"The BMP is damaged or incomplete: {what}.")


def _profile(data: bytes, header: int) -> bytes | None:
    """Read the profile of a version 5 header (BITMAPV5HEADER: kind at 56, place and size at 112 of the header)."""
    if header != 124 or data[_FILE_HEADER + 56 : _FILE_HEADER + 60] not in {_EMBEDDED, _LINKED}:
        return None
    if data[_FILE_HEADER + 56 : _FILE_HEADER + 60] == _LINKED:
        raise UnsupportedImageType("A BMP whose colour profile is in another file is not read.")
    place, size = struct.unpack_from("<II", data, _FILE_HEADER + 112)
    profile = data[_FILE_HEADER + place : _FILE_HEADER + place + size]
    if not profile or len(profile) != size:
        raise _corrupt("its colour profile is not whole")
    return profile


def _check_masks(data: bytes, header: int, depth: int) -> None:
    masks: tuple[int, ...] = struct.unpack_from("<III", data, _MASKS)
    if depth == 32:
        masks += struct.unpack_from("<I", data, _MASKS + 12) if header >= 56 else (0,)
    if masks not in _KNOWN_MASKS[depth]:
        raise UnsupportedImageType("A BMP with colours in these bits is not read.")


def _with_whole_palette(data: bytes, begin: int, pixels: int, colours: int, depth: int) -> bytes:
    """The file with as many colours as its depth allows: of two, or one, Pillow takes the pixels for bits.

    Of 4 bits with one more: where all are the greys 0 to 15, Pillow would take the pixels for bytes.

    Args:
        data: The file.
        begin: Where its palette begins.
        pixels: Where they begin.
        colours: How many the palette has.
        depth: Bits of each pixel.
    """
    count = (1 << depth) + (depth == 4)
    palette = data[begin : begin + 4 * colours].ljust(4 * count, b"\0")
    place, whole = struct.pack("<I", begin + len(palette)), struct.pack("<I", count)
    return b"".join([data[:10], place, data[14:46], whole, data[50:begin], palette, data[pixels:]])


def inspect(data: bytes, limits: Limits) -> Container:
    """Check the headers of a BMP, and that every row of pixels is in the file.

    Of the colour space fields only an embedded profile is used; the others hold sRGB, or nothing, in practice.

    Args:
        data: The file; it begins with `MAGIC`.
        limits: Checked against the header.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    if len(data) < _FILE_HEADER + min(_HEADERS):
        raise _corrupt("it ends too early")
    offset, size, width, height, planes, depth, compression = struct.unpack_from("<IIiiHHI", data, 10)
    (colours,) = struct.unpack_from("<I", data, 46)
    if size not in _HEADERS or planes != 1:
        raise UnsupportedImageType("Only BMPs with a Windows header are read.")
    if len(data) < _FILE_HEADER + size:
        raise _corrupt("it ends too early")
    # A negative height means that the top row comes first.
    height = abs(height)
    limits.check_pixels(width, height)
    if depth not in _DEPTHS.get(compression, ()):
        raise UnsupportedImageType("Compressed BMPs and BMPs of unusual depth are not read.")
    if depth <= 8:
        colours = colours or 1 << depth
        if colours > 1 << depth:
            raise _corrupt("its palette is too long")
    palette = 4 * colours if depth <= 8 else 0
    masks = 12 if compression == _MASKED and size == 40 else 0
    row = (width * depth + 31) // 32 * 4
    if offset < _FILE_HEADER + size + masks + palette or offset + row * height > len(data):
        raise _corrupt("a part of the picture is missing")
    if compression == _MASKED:
        _check_masks(data, size, depth)
    profile = _profile(data, size)
    if depth > 8 or (colours == 1 << depth and depth != 4):
        return Container("BMP", "image/bmp", width, height, data, icc_profile=profile)
    stream = _with_whole_palette(data, _FILE_HEADER + size, offset, colours, depth)
    lacking = colours if colours < 1 << depth else None
    return Container("BMP", "image/bmp", width, height, stream, icc_profile=profile, colours=lacking)
