"""TIFF 6.0: one page, grey, palette, RGB or CMYK, 1 to 16 bits, not compressed or LZW, Deflate or PackBits.

The first directory is rewritten with only the fields that say where and what the pixels are. What is left out on
purpose: JPEG inside TIFF and fax codes (their decoders fill in what is missing without a word), YCbCr and CIELAB,
floating point, 32 bits, 12 bits, BigTIFF.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import NamedTuple

from dermoscopy.containers.container import MOST_PROFILE_BYTES, Container
from dermoscopy.containers.exif import UPRIGHT
from dermoscopy.errors import AnimatedImage, CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits

MAGICS = (b"II*\x00", b"MM\x00*")

_SUBFILE, _OLD_SUBFILE = 254, 255
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_COUNTS = 273, 274, 277, 278, 279
_PLANAR, _PREDICTOR, _COLOUR_MAP, _INK_SET = 284, 317, 320, 332
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_EXTRA_SAMPLES, _SAMPLE_FORMAT, _ICC_PROFILE = 338, 339, 34675

_PIXELS = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _PREDICTOR, _COLOUR_MAP, _EXTRA_SAMPLES}
)
_STRIPS = frozenset({_STRIP_OFFSETS, _STRIP_COUNTS, _ROWS_PER_STRIP})
_TILES = frozenset({_TILE_OFFSETS, _TILE_COUNTS, _TILE_WIDTH, _TILE_HEIGHT})
_OTHERS = frozenset({_SUBFILE, _OLD_SUBFILE, _FILL_ORDER, _ORIENTATION, _INK_SET, _SAMPLE_FORMAT, _ICC_PROFILE})
# Bytes of one value and its struct code, of the field types that these tags may have: BYTE, SHORT, LONG, UNDEFINED.
_TYPES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 7: (1, "B")}
_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 1, 5, 8, 32946, 32773
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK = 0, 1, 2, 3, 5
# Bits of NewSubfileType, and a value of its predecessor. A page of several (2, and 3) is told by the next directory.
_REDUCED, _MASK = 1, 4
_OLD_REDUCED = 2
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4}
# Colours and bits -> the extra samples that Pillow tells apart from them: unspecified, premultiplied alpha, alpha, and
# what Corel Draw calls alpha.
_EXTRA: dict[tuple[int, int], tuple[int, ...]] = {
    (_BLACK_IS_ZERO, 8): (0, 1, 2), (_RGB, 8): (0, 1, 2, 999), (_RGB, 16): (0, 1, 2), (_PALETTE, 8): (0, 2),
    (_CMYK, 8): (0,),
}  # fmt: skip
_MOST_TAGS = 1_000
_MOST_SAMPLES = 5
# One strip per row of a very tall picture.
_MOST_PIECES = 100_000
# A tile may be larger than the picture. This many pixels of one cost nothing, whatever the picture measures.
_FREE_TILE_PIXELS = 512 * 512


def _corrupt(what: str) -> CorruptImage:
    return CorruptImage(f"The TIFF is damaged or incomplete: {what}.")


def _unsupported(what: str) -> UnsupportedImageType:
    return UnsupportedImageType(f"The TIFF is of a kind that is not read here: {what}.")


class _Field(NamedTuple):
    kind: int
    values: int
    raw: bytes  # the values, in the byte order of the file


@dataclass(frozen=True)
class _Directory:
    order: str
    fields: dict[int, _Field]

    def numbers(self, tag: int, default: tuple[int, ...], most: int = _MOST_SAMPLES) -> tuple[int, ...]:
        """The values of a field, which is one of integers.

        Args:
            tag: Of the field.
            default: What an absent field stands for.
            most: How many values it may have.

        Raises:
            CorruptImage: It has more.
        """
        found = self.fields.get(tag)
        if found is None:
            return default
        if found.values > most:
            raise _corrupt("a field has the wrong number of values")
        return struct.unpack(f"{self.order}{found.values}{_TYPES[found.kind][1]}", found.raw)

    def number(self, tag: int, default: int) -> int:
        """The value of a field that has one; as `numbers` otherwise."""
        return self.numbers(tag, (default,), most=1)[0]


def _read_directory(data: bytes) -> _Directory:
    """Read the first directory, and make sure that there is no second one."""
    order = "<" if data.startswith(b"II") else ">"
    wanted = _PIXELS | _STRIPS | _TILES | _OTHERS
    fields: dict[int, _Field] = {}
    try:
        (offset,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, offset)
        if count > _MOST_TAGS:
            raise _corrupt("it has too many fields")
        (following,) = struct.unpack_from(order + "I", data, offset + 2 + 12 * count)
        for entry in range(offset + 2, offset + 2 + 12 * count, 12):
            tag, kind, values, place = struct.unpack_from(order + "HHII", data, entry)
            if tag not in wanted:
                continue
            if tag in fields or kind not in _TYPES or values == 0:
                raise _corrupt("a field is not valid")
            if values > (MOST_PROFILE_BYTES if tag == _ICC_PROFILE else _MOST_PIECES):
                raise _unsupported("the number of values of a field")
            size = values * _TYPES[kind][0]
            start = entry + 8 if size <= 4 else place
            if start + size > len(data):
                raise _corrupt("a field lies outside the file")
            fields[tag] = _Field(kind, values, data[start : start + size])
    except struct.error:
        raise _corrupt("its directory lies outside the file") from None
    if following:
        raise AnimatedImage("The TIFF has more than one page; one picture is needed.")
    return _Directory(order, fields)


@dataclass(frozen=True)
class _Layout:
    width: int
    height: int
    bits: int
    samples: int
    compression: int
    planar: bool


def _check_palette(directory: _Directory, bits: int) -> None:
    if bits > 8:
        raise _unsupported("its palette")
    values = directory.numbers(_COLOUR_MAP, (), most=3 << bits)
    if len(values) != 3 << bits or directory.fields[_COLOUR_MAP].kind != 3:
        raise _corrupt("its palette is not whole")
    # Colours have 16 bits. Some programs write 8, which would come out black.
    if max(values) < 256:
        raise _unsupported("its palette")


def _is_read(photometric: int, bits: int, extra: tuple[int, ...], *, planar: bool, packed: bool) -> bool:
    """Whether Pillow knows samples of this kind.

    Of separate planes it puts only the alpha of RGB where it belongs, and takes premultiplied alpha for the other one;
    an unspecified plane it leaves out if they are compressed.
    """
    if not extra or (planar and packed and extra == (0,)):
        return bits >= 8 or _COLOURS[photometric] == 1
    if planar:
        return (photometric, bits) == (_RGB, 8) and extra[0] in {2, 999}
    return extra[0] in _EXTRA.get((photometric, bits), ())


def _layout(directory: _Directory, limits: Limits) -> _Layout:
    """Read what the pixels are, and refuse every combination whose meaning is not sure."""
    if directory.number(_SUBFILE, 0) & (_REDUCED | _MASK) or directory.number(_OLD_SUBFILE, 0) == _OLD_REDUCED:
        raise _unsupported("its first picture is a preview or a mask of another one")
    width, height = directory.number(_WIDTH, 0), directory.number(_HEIGHT, 0)
    limits.check_pixels(width, height)
    samples = directory.number(_SAMPLES, 1)
    if not 1 <= samples <= _MOST_SAMPLES:
        raise _unsupported("its number of channels")
    depths = directory.numbers(_BITS, (1,))
    photometric = directory.number(_PHOTOMETRIC, -1)
    extra = directory.numbers(_EXTRA_SAMPLES, ())
    compression = directory.number(_COMPRESSION, _NONE)
    if len(set(depths)) != 1 or depths[0] not in {1, 2, 4, 8, 16} or len(depths) not in {1, samples}:
        raise _unsupported("its number of bits")
    if photometric not in _COLOURS or samples != _COLOURS[photometric] + len(extra) or len(extra) > 1:
        raise _unsupported("its colours")
    if set(directory.numbers(_SAMPLE_FORMAT, (1,))) != {1} or directory.number(_INK_SET, 1) != 1:
        raise _unsupported("its number format or inks")
    if directory.number(_FILL_ORDER, 1) != 1 or directory.number(_PREDICTOR, 1) not in {1, 2}:
        raise _unsupported("its bit order or predictor")
    if compression not in {_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS}:
        raise _unsupported("its compression")
    planar = directory.number(_PLANAR, 1) == 2 and samples > 1
    bits = depths[0]
    # Pillow does not invert 16-bit WhiteIsZero, and reads separate planes of 16 bits as if they had 8.
    if bits == 16 and (photometric == _WHITE_IS_ZERO or planar):
        raise _unsupported("16 bits in this arrangement")
    if not _is_read(photometric, bits, extra, planar=planar, packed=compression != _NONE):
        raise _unsupported("its bits and channels")
    if photometric == _PALETTE:
        _check_palette(directory, bits)
    return _Layout(width, height, bits, samples, compression, planar)


class _Grid(NamedTuple):
    """How the picture is cut into strips or tiles; `across` and `down` are the size of one, in pixels."""

    tiled: bool
    across: int
    down: int
    pieces: int


def _grid(directory: _Directory, layout: _Layout) -> _Grid:
    tiled = _TILE_OFFSETS in directory.fields
    if tiled == (_STRIP_OFFSETS in directory.fields):
        raise _corrupt("it must have either strips or tiles")
    if tiled:
        across, down = directory.number(_TILE_WIDTH, 0), directory.number(_TILE_HEIGHT, 0)
        largest = max(4 * layout.width * layout.height, _FREE_TILE_PIXELS)
        if min(across, down) < 16 or across * down > largest:
            raise _corrupt("its tiles have an impossible size")
    else:
        across, down = layout.width, min(directory.number(_ROWS_PER_STRIP, layout.height), layout.height)
        if down < 1:
            raise _corrupt("its strips have no rows")
    planes = layout.samples if layout.planar else 1
    pieces = math.ceil(layout.width / across) * math.ceil(layout.height / down) * planes
    if pieces > _MOST_PIECES:
        raise _unsupported("its number of strips or tiles")
    return _Grid(tiled, across, down, pieces)


def _check_pieces(directory: _Directory, layout: _Layout, grid: _Grid, size: int) -> None:
    """Check that strips or tiles cover the whole picture and lie inside the file (`size` bytes).

    Pillow leaves what no strip covers black, so a missing strip would go unnoticed.
    """
    offsets = directory.numbers(_TILE_OFFSETS if grid.tiled else _STRIP_OFFSETS, (), most=grid.pieces)
    counts = directory.numbers(_TILE_COUNTS if grid.tiled else _STRIP_COUNTS, (), most=grid.pieces)
    if not len(offsets) == len(counts) == grid.pieces:
        raise _corrupt("a part of the picture is missing")
    if any(offset < 8 or count < 1 or offset + count > size for offset, count in zip(offsets, counts, strict=True)):
        raise _corrupt("a part of the picture lies outside the file")
    if layout.compression != _NONE:
        return
    row = -(-grid.across * layout.bits * (1 if layout.planar else layout.samples) // 8)
    strips = math.ceil(layout.height / grid.down)
    for index, count in enumerate(counts):
        # Only the last strip of a plane may have fewer rows; tiles are always full.
        last = not grid.tiled and index % strips == strips - 1
        rows = layout.height - grid.down * (strips - 1) if last else grid.down
        if not row * rows <= count < row * (rows + 1):
            raise _corrupt("its strips do not hold as many rows as it declares")


def _rewrite(data: bytes, directory: _Directory, tags: frozenset[int]) -> bytes:
    """Append a directory that holds only the fields in `tags`, and let the file begin with that one."""
    order = directory.order
    kept = sorted((tag, field) for tag, field in directory.fields.items() if tag in tags)
    start = len(data) + len(data) % 2
    values_start = start + 2 + 12 * len(kept) + 4
    entries, values = b"", b""
    for tag, field in kept:
        entries += struct.pack(order + "HHI", tag, field.kind, field.values)
        if len(field.raw) <= 4:
            entries += field.raw.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", values_start + len(values))
            values += field.raw + b"\0" * (len(field.raw) % 2)
    new = struct.pack(order + "H", len(kept)) + entries + struct.pack(order + "I", 0) + values
    return b"".join([data[:4], struct.pack(order + "I", start), data[8:], b"\0" * (len(data) % 2), new])


def inspect(data: bytes, limits: Limits) -> Container:
    """Read the directory of a TIFF and check that the picture is whole.

    Args:
        data: The file; it begins with one of `MAGICS`.
        limits: Checked against the directory.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    directory = _read_directory(data)
    layout = _layout(directory, limits)
    grid = _grid(directory, layout)
    _check_pieces(directory, layout, grid, len(data))
    tags = _PIXELS | (_TILES if grid.tiled else _STRIPS)
    if layout.samples == 1:
        # A single sample is the same either way; of separate planes Pillow does not know most kinds of it.
        tags -= {_PLANAR}
    turned = directory.number(_ORIENTATION, UPRIGHT)
    profile = directory.fields.get(_ICC_PROFILE)
    return Container(
        "TIFF",
        "image/tiff",
        layout.width,
        layout.height,
        _rewrite(data, directory, tags),
        turned if 1 <= turned <= 8 else UPRIGHT,
        profile.raw if profile else None,
    )
