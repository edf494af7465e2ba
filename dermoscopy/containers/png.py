"""PNG (W3C Recommendation, third edition)."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from dermoscopy.colour import display_p3_profile
from dermoscopy.containers import exif
from dermoscopy.containers.container import MOST_PROFILE_BYTES, Container
from dermoscopy.errors import AnimatedImage, CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits

MAGIC = b"\x89PNG\r\n\x1a\n"

# What decides about the pixels; everything else (text, time, gamma, physical size) stays outside.
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_INDEXED = 3
_LIKE_A_LINE = re.compile(rb"\xff*\0\xff*\n")
_ONCE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"cICP", b"sRGB", b"gAMA", b"cHRM"})
# Pillow has made its colours of them when the pixels begin.
_BEFORE_PIXELS = frozenset({b"PLTE", b"tRNS"})
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Adam7: (first column, first row, column step, row step) of each pass.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# sRGB, as section 11.3.2 writes it: gamma and white, red, green, blue x and y in 1/100000.
_SRGB_GAMMA = struct.pack(">I", 45455)
_SRGB_PRIMARIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
# And as cICP writes it (ITU-T H.273): primaries, transfer function, no matrix, full range.
_SRGB_CODE_POINTS, _DISPLAY_P3_CODE_POINTS = bytes([1, 13, 0, 1]), bytes([12, 13, 0, 1])
_COLOUR_TOLERANCE = 1_000
_INFLATE_STEP = 1 << 20
# Pixels come in chunks of some kilobytes. Millions of empty ones fit into a file, and cost seconds.
_MOST_CHUNKS = 20_000


def _corrupt(what: str) -> CorruptImage:
    return CorruptImage(f"The PNG is damaged or incomplete: {what}.")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield (name, payload, whole chunk) up to IEND, each with its checksum verified."""
    position = len(MAGIC)
    for _ in range(_MOST_CHUNKS):
        length = int.from_bytes(data[position : position + 4], "big")
        whole = data[position : position + 12 + length]
        if len(whole) != 12 + length:
            raise _corrupt("it ends too early")
        name, payload = whole[4:8], whole[8:-4]
        if zlib.crc32(memoryview(whole)[4:-4]) != int.from_bytes(whole[-4:], "big"):
            raise _corrupt("a checksum is wrong")
        yield name, payload, whole
        position += len(whole)
        if name == b"IEND":
            return
    raise UnsupportedImageType(f"PNGs with more than {_MOST_CHUNKS} chunks are not read.")


def _raw_size(width: int, height: int, bits: int, interlaced: bool) -> int:
    """Bytes of the inflated picture: every row of every pass has one byte for its filter."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _check_pixel_data(parts: list[bytes], expected: int) -> None:
    """Inflate once without keeping the result: Pillow leaves rows black that a short but well-formed stream lacks."""
    inflater = zlib.decompressobj()
    total = 0
    try:
        for part in parts:
            rest = part
            while rest and not inflater.eof:
                total += len(inflater.decompress(rest, _INFLATE_STEP))
                rest = inflater.unconsumed_tail
                if total > expected:
                    raise _corrupt("it holds more pixels than it declares")
    except zlib.error:
        raise _corrupt("its pixels cannot be inflated") from None
    if total != expected or not inflater.eof:
        raise _corrupt("a part of the picture is missing")


def _profile(payload: bytes) -> bytes:
    _name, _, packed = payload.partition(b"\0")
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(packed[1:], MOST_PROFILE_BYTES)
    except zlib.error:
        raise _corrupt("its colour profile cannot be inflated") from None
    if packed[:1] != b"\0" or not inflater.eof:
        raise _corrupt("its colour profile is not whole, or too large")
    return profile


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    raw_size: int  # of the inflated picture, in bytes


def _header(payload: bytes, limits: Limits) -> _Header:
    if len(payload) != 13:
        raise _corrupt("its header has the wrong length")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", payload)
    limits.check_pixels(width, height)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise _corrupt("its header is not valid")
    raw_size = _raw_size(width, height, depth * _CHANNELS[colour], interlace == 1)
    return _Header(width, height, depth, colour, raw_size)


def _colour_profile(found: dict[bytes, bytes]) -> bytes | None:
    """The profile of the colours, None for sRGB; cICP counts before iCCP (PNG third edition, section 4.3).

    Raises:
        UnsupportedImageType: The colours are neither sRGB nor described by a profile.
    """
    if b"cICP" in found:
        if found[b"cICP"] == _DISPLAY_P3_CODE_POINTS:
            return display_p3_profile()
        known = found[b"cICP"] == _SRGB_CODE_POINTS
    elif b"iCCP" in found:
        return _profile(found[b"iCCP"])
    else:
        known = b"sRGB" in found or _is_srgb(found)
    if not known:
        raise UnsupportedImageType("The PNG is in a colour space that is not sRGB and has no profile.")
    return None


def _is_srgb(found: dict[bytes, bytes]) -> bool:
    """Whether gamma and primaries are, as far as they are told, about those of sRGB."""
    gamma, primaries = found.get(b"gAMA", _SRGB_GAMMA), found.get(b"cHRM", _SRGB_PRIMARIES)
    if len(gamma) != 4 or len(primaries) != 32:
        raise _corrupt("its colour space has the wrong length")
    stored = struct.unpack(">9I", gamma + primaries)
    meant = struct.unpack(">9I", _SRGB_GAMMA + _SRGB_PRIMARIES)
    return all(abs(a - b) <= _COLOUR_TOLERANCE for a, b in zip(stored, meant, strict=True))


def _colours(header: _Header, found: dict[bytes, bytes]) -> int | None:
    """Check the palette; how many colours it has, if pixels could name more."""
    palette = found.get(b"PLTE", b"")
    if header.colour == _INDEXED and (not palette or len(palette) % 3 or len(palette) > 3 << header.depth):
        raise _corrupt("its palette is not valid")
    if header.colour == _INDEXED and len(found.get(b"tRNS", b"")) > len(palette) // 3:
        raise _corrupt("its palette has more transparencies than colours")
    # Pillow would take an alpha of 10 at the end for the end of a line, and show that colour opaque.
    if header.colour == _INDEXED and _LIKE_A_LINE.fullmatch(found.get(b"tRNS", b"")):
        raise UnsupportedImageType("A PNG with these transparencies is not read.")
    # Pillow compares the transparent colour, stored in the file's own depth, with samples scaled to 8 bits.
    if b"tRNS" in found and header.colour != _INDEXED and header.depth not in {1, 8}:
        raise UnsupportedImageType("A PNG of this depth with a transparent colour is not read.")
    return len(palette) // 3 if header.colour == _INDEXED and len(palette) < 3 << header.depth else None


def inspect(data: bytes, limits: Limits) -> Container:
    """Walk the chunks of a PNG, verify each checksum and the length of the inflated picture.

    Args:
        data: The file; it begins with `MAGIC`.
        limits: Checked against the header before anything else is read.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    kept: list[bytes] = [MAGIC]
    pixels: list[bytes] = []
    found: dict[bytes, bytes] = {}
    for name, payload, whole in _chunks(data):
        if not found and name != b"IHDR":
            raise _corrupt("it does not begin with its header")
        if name in {b"acTL", b"fcTL", b"fdAT"}:
            raise AnimatedImage("The PNG is animated; one still picture is needed.")
        if name == b"IDAT":
            pixels.append(payload)
        elif name in found and name in _ONCE:
            raise _corrupt("a part appears twice")
        elif pixels and name in _BEFORE_PIXELS:
            raise _corrupt("its palette comes behind its pixels")
        elif name not in _KEPT and name[:1].isupper():
            raise UnsupportedImageType("The PNG needs an extension that is not read here.")
        if name == b"IHDR":
            header = _header(payload, limits)
        found[name] = payload
        if name in _KEPT:
            kept.append(whole)
    colours = _colours(header, found)
    profile = _colour_profile(found)
    _check_pixel_data(pixels, header.raw_size)
    upright = exif.orientation(found.get(b"eXIf", b""))
    size = header.width, header.height
    return Container("PNG", "image/png", *size, b"".join(kept), upright, profile, colours=colours)
