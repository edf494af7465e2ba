"""TIFF: whole new pictures of any layout that the format knows, with the pixels that they take."""

from __future__ import annotations

import math
import struct
import zlib
from random import Random

from tests.fuzz import tiff as fields
from tests.fuzz.tiff import LONG, SHORT, Tiff
from tests.fuzz.values import Mutation, mutated, noise

_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4}
_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 1, 5, 8, 32946, 32773


def _lzw(data: bytes) -> bytes:
    """Codes of 9 bits for single bytes, and a fresh table before the codes would grow to 10."""
    parts = []
    for at in range(0, len(data) + 1, 199):
        # 200 codes, which are whole bytes; the last ones end with the end of information.
        codes = [256, *data[at : at + 199]]
        codes += [257] * (len(codes) < 200)
        bits = 0
        for code in codes:
            bits = bits << 9 | code
        used = 9 * len(codes)
        parts.append((bits << -used % 8).to_bytes(-(-used // 8), "big"))
    return b"".join(parts)


def _packbits(data: bytes) -> bytes:
    """Runs of literal bytes only."""
    runs = [data[at : at + 128] for at in range(0, len(data), 128)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def _packed(compression: int, rows: int, row: int, random: Random) -> bytes:
    lines = [noise(random, row) for _ in range(min(rows, 300))]
    lines = (lines * (rows // len(lines) + 1))[:rows]
    if compression == _PACKBITS:
        return b"".join(map(_packbits, lines))
    data = b"".join(lines)
    if compression in {_DEFLATE, _OLD_DEFLATE}:
        return zlib.compress(data, random.choice((0, 1, 9)))
    return _lzw(data[:20_000]) if compression == _LZW else data


def new_picture(random: Random, tiff: Tiff) -> None:
    """Another size, depth, colours, planes, code, strips or tiles, and noise of the size that this takes."""
    photometric, bits = random.choice(list(_COLOURS)), random.choice((1, 2, 4, 8, 8, 8, 16))
    extra = random.random() < 0.25
    samples = _COLOURS[photometric] + extra
    planar = samples > 1 and random.random() < 0.25
    compression = random.choice((_NONE, _NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS))
    width, height = random.choice((32, 33, 40, 64, 130)), random.choice((32, 37, 48, 100))
    if random.random() < 0.01 and compression != _LZW:
        width, height = random.choice(((2100, 2000), (33, 90_000), (20_000, 210)))
    tiled = random.random() < 0.35
    across, down = width, random.choice((height, 8, 1, 13, height + 1, 2**32 - 1))
    if tiled:
        across, down = random.choice((16, 32, 48, 256, 24)), random.choice((16, 32, 64, 256))
    rows = min(down, height) if not tiled else down
    row = -(-across * bits * (1 if planar else samples) // 8)
    columns, lines = math.ceil(width / across), math.ceil(height / rows)
    last = rows if tiled else height - rows * (lines - 1)
    tiff.pieces = [
        _packed(compression, last if line == lines - 1 else rows, row, random)
        for _ in range(samples if planar else 1)
        for line in range(lines)
        for _ in range(columns)
    ]
    tiff.entries = []
    for tag, value in (
        (fields.WIDTH, width), (fields.HEIGHT, height), (fields.COMPRESSION, compression),
        (fields.PHOTOMETRIC, photometric), (fields.SAMPLES, samples), (fields.PLANAR, 2 if planar else 1),
    ):  # fmt: skip
        tiff.put(tag, LONG if value > 0xFFFF else SHORT, value)
    tiff.put(fields.BITS, SHORT, *[bits] * samples)
    if extra:
        tiff.put(fields.EXTRA, SHORT, random.randrange(3))
    if compression in {_LZW, _DEFLATE, _OLD_DEFLATE} and random.random() < 0.4:
        tiff.put(fields.PREDICTOR, SHORT, 2)
    if photometric == 3:
        tiff.put(fields.COLOUR_MAP, SHORT, *struct.unpack(f"<{3 << min(bits, 8)}H", noise(random, 6 << min(bits, 8))))
    if tiled:
        tiff.put(fields.TILE_WIDTH, SHORT, across)
        tiff.put(fields.TILE_HEIGHT, SHORT, down)
        tiff.put(fields.TILE_OFFSETS, LONG)
    else:
        tiff.put(fields.ROWS, LONG, down)
    tiff.settle()


_MUTATIONS: tuple[tuple[int, Mutation[Tiff]], ...] = (
    (12, new_picture), (3, fields.field_value), (2, fields.field_shape), (2, fields.new_field), (3, fields.profile),
    (6, fields.decoding), (7, fields.pieces), (2, fields.chain), (1, fields.shuffle),
)  # fmt: skip


def mutate(random: Random, data: bytes, other: bytes) -> bytes:
    """A structure-aware mutation of one sound TIFF, sometimes with fields of another."""
    tiff = mutated(random, fields.parse(data), _MUTATIONS)
    if random.random() < 0.05:
        tiff.entries += fields.parse(other).entries[random.randrange(10) :]
    return fields.join(tiff)
