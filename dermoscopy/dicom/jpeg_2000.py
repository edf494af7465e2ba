"""JPEG 2000 in DICOM (ITU-T T.800): codestreams, checked for what would cost OpenJPEG memory or time.

Whatever sets up the coding in the main header counts for the whole picture; streams that change it later, for a
component or a tile, are not read.
"""

from __future__ import annotations

import struct

from dermoscopy.containers.container import Container
from dermoscopy.dicom.elements import corrupt
from dermoscopy.dicom.header import Header
from dermoscopy.errors import UnsupportedImageType
from dermoscopy.limits import Limits

_START = b"\xff\x4f\xff\x51"
_SIZ, _COD, _SOT = 0xFF51, 0xFF52, 0xFF90
_QCD, _QCC, _RGN, _TLM, _PLM, _PLT, _CRG, _COM = 0xFF5C, 0xFF5D, 0xFF5E, 0xFF55, 0xFF57, 0xFF58, 0xFF63, 0xFF64
_SOD, _EOC = b"\xff\x93", b"\xff\xd9"
_IN_MAIN = frozenset({_SIZ, _COD, _QCD, _QCC, _RGN, _TLM, _PLM, _CRG, _COM})
_IN_TILE = frozenset({_QCD, _QCC, _PLT, _COM})

# OpenJPEG takes 12 bytes for the three samples of a pixel, and as much again while it transforms them.
_WEIGHT = 3
# Encoders write one tile, or tiles of some hundred pixels; packets in the thousands; code blocks of 32 or 64.
_MOST_TILES = 2_000
_MOST_PACKETS = 200_000
_LEAST_BLOCK = 4
"""Exponent: a code block of 16 by 16. Each takes some hundred bytes, whatever is in it."""
_MOST_SEGMENTS = 20_000
_MOST_LEVELS = 32


# Photometric interpretation -> whether the stream may say that it was transformed to YCbCr: it then comes out as RGB.
_TRANSFORMS = {
    "MONOCHROME1": (0,), "MONOCHROME2": (0,), "PALETTE COLOR": (0,), "RGB": (0, 1), "YBR_FULL": (0,),
    "YBR_ICT": (1,), "YBR_RCT": (1,),
}  # fmt: skip


def inspect(data: bytes, header: Header, limits: Limits) -> Container:
    """Check a frame.

    Args:
        data: The frame.
        header: Of the object.
        limits: As for every picture; each pixel counts three times.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    if not data.startswith(_START):
        raise corrupt("there is no JPEG 2000 codestream in it")
    limits.check_pixels(header.columns, header.rows, weight=_WEIGHT)
    if header.palette is not None and header.stored != 8:
        raise UnsupportedImageType("A palette of another depth than 8 bits is not read from JPEG 2000.")
    at, tile, coding = _main_header(data, header)
    _check_coding(coding, header, tile)
    end = _tile_parts(data, at, _tiles(header, tile))
    return Container("JPEG2000", "image/jp2", header.columns, header.rows, data[:end] + _EOC)


def _segment(data: bytes, at: int) -> tuple[int, bytes]:
    """Marker and payload of the segment at `at`."""
    try:
        marker, length = struct.unpack_from(">HH", data, at)
    except struct.error:
        raise corrupt("its JPEG 2000 ends too early") from None
    payload = data[at + 4 : at + 2 + length]
    if length < 2 or len(payload) != length - 2:
        raise corrupt("its JPEG 2000 ends too early")
    return marker, payload


def _main_header(data: bytes, header: Header) -> tuple[int, tuple[int, int], bytes]:
    """Where the first tile begins, the size of a tile, and the coding style."""
    at, coding, size = 2, b"", b""
    for _ in range(_MOST_SEGMENTS):
        marker, payload = _segment(data, at)
        if marker == _SOT:
            break
        if marker not in _IN_MAIN or (marker == _SIZ and size) or (marker == _COD and coding):
            raise UnsupportedImageType("The JPEG 2000 in the DICOM object is of a kind that is not read.")
        size = payload if marker == _SIZ else size
        coding = payload if marker == _COD else coding
        at += 4 + len(payload)
    else:
        raise UnsupportedImageType("The JPEG 2000 in the DICOM object has too many segments.")
    return at, _tile_size(size, header), coding


def _tile_size(size: bytes, header: Header) -> tuple[int, int]:
    """Width and height of a tile; the picture must be that of the object."""
    if len(size) != 36 + 3 * header.samples:
        raise corrupt("the JPEG 2000 in it has other samples")
    _, right, bottom, left, top, width, height, tile_left, tile_top, count = struct.unpack_from(">HIIIIIIIIH", size)
    if (right, bottom, left, top, tile_left, tile_top) != (header.columns, header.rows, 0, 0, 0, 0):
        raise corrupt("the JPEG 2000 in it has another size")
    for depth, across, down in struct.iter_unpack("BBB", size[36:]):
        if (depth + 1, across, down) != (header.stored, 1, 1):
            raise corrupt("the JPEG 2000 in it has another depth")
    if count != header.samples or not width or not height:
        raise corrupt("the JPEG 2000 in it has other samples")
    if -(-right // width) * -(-bottom // height) > _MOST_TILES:
        raise UnsupportedImageType(f"JPEG 2000 with more than {_MOST_TILES} tiles is not read.")
    return min(width, right), min(height, bottom)


def _tiles(header: Header, tile: tuple[int, int]) -> int:
    """How many tiles of this size a picture has."""
    return -(-header.columns // tile[0]) * -(-header.rows // tile[1])


def _check_coding(coding: bytes, header: Header, tile: tuple[int, int]) -> None:
    if len(coding) < 10:
        raise corrupt("its JPEG 2000 does not say how it is coded")
    style, _, layers, transform, levels, across, down, mode, _ = struct.unpack_from(">BBHBBBBBB", coding)
    if levels > _MOST_LEVELS or len(coding) != 10 + (levels + 1) * (style & 1):
        raise corrupt("its JPEG 2000 does not say how it is coded")
    if transform not in _TRANSFORMS.get(header.photometric, ()):
        raise corrupt("its JPEG 2000 has other colours")
    if min(across, down) + 2 < _LEAST_BLOCK or max(across, down) > 8 or across + down > 8 or mode & 0x40:
        raise UnsupportedImageType("The JPEG 2000 in the DICOM object is of a kind that is not read.")
    packets = 0
    for level in range(levels + 1):
        exponents = coding[10 + level] if style & 1 else 0xFF
        wide, high = exponents & 15, exponents >> 4
        reduced = levels - level
        packets += (1 + (tile[0] >> (reduced + wide))) * (1 + (tile[1] >> (reduced + high)))
    if packets * _tiles(header, tile) * max(layers, 1) * header.samples > _MOST_PACKETS:
        raise UnsupportedImageType("The JPEG 2000 in the DICOM object is divided into too many parts.")


def _tile_parts(data: bytes, at: int, tiles: int) -> int:
    """Where the last part of a tile ends; OpenJPEG would leave a tile black that is not there."""
    seen, declared = [0] * tiles, [0] * tiles
    for _ in range(_MOST_SEGMENTS):
        if data[at : at + 2] == _EOC:
            if any(not parts or number not in {0, parts} for parts, number in zip(seen, declared, strict=True)):
                raise corrupt("a tile of its JPEG 2000 is missing")
            return at
        marker, payload = _segment(data, at)
        if marker != _SOT or len(payload) != 8:
            raise corrupt("its JPEG 2000 has no tile where one should be")
        tile, length, part, number = struct.unpack(">HIBB", payload)
        # The number of parts may be left open, but for the last one.
        if tile >= tiles or part != seen[tile] or (number and declared[tile] not in {0, number}):
            raise corrupt("its JPEG 2000 has another tile than the one that should be there")
        seen[tile] += 1
        declared[tile] = number or declared[tile]
        # 0 stands for the rest, and is only for the last one.
        end = at + length if length else data.rfind(_EOC)
        if end <= at or end > len(data) - 2:
            raise corrupt("its JPEG 2000 ends too early")
        _tile_header(data[at + 12 : end])
        at = end
    raise UnsupportedImageType("The JPEG 2000 in the DICOM object has too many segments.")


def _tile_header(part: bytes) -> None:
    at = 0
    for _ in range(_MOST_SEGMENTS):
        if part[at : at + 2] == _SOD:
            return
        marker, payload = _segment(part, at)
        if marker not in _IN_TILE:
            raise UnsupportedImageType("The JPEG 2000 in the DICOM object is of a kind that is not read.")
        at += 4 + len(payload)
    raise UnsupportedImageType("The JPEG 2000 in the DICOM object has too many segments.")
