"""PNG: mutations of its chunks, and of the pixels inside them, packed again afterwards."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from random import Random

from tests.fuzz.metadata import exif_block, icc_profile
from tests.fuzz.values import mangle, mutated, noise, number, rearrange

_MAGIC = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_NAMES = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"eXIf", b"acTL",
          b"fcTL", b"fdAT", b"tEXt", b"zTXt", b"iTXt", b"pHYs", b"bKGD", b"sBIT", b"CgBI", b"mDCV")  # fmt: skip


@dataclass
class Chunk:
    """One chunk; `length` and `checksum` are set where the chunk shall lie about them."""

    name: bytes
    payload: bytes
    length: int | None = None
    checksum: int | None = None


@dataclass
class Png:
    """A file: its chunks."""

    chunks: list[Chunk]

    def first(self, name: bytes) -> Chunk | None:
        """The first chunk of a name."""
        return next((each for each in self.chunks if each.name == name), None)

    def put(self, name: bytes, payload: bytes) -> None:
        """Replace the chunk of a name, or put it behind the header."""
        if (found := self.first(name)) is not None:
            found.payload = payload
        else:
            self.chunks.insert(1, Chunk(name, payload))


def parse(data: bytes) -> Png:
    """Take a sound file apart."""
    chunks, position = [], len(_MAGIC)
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        chunks.append(Chunk(data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return Png(chunks)


def join(png: Png) -> bytes:
    """Write the file, with right checksums unless a chunk has one of its own."""
    parts = [_MAGIC]
    for each in png.chunks:
        length = len(each.payload) if each.length is None else each.length
        checksum = zlib.crc32(each.name + each.payload) if each.checksum is None else each.checksum
        parts += [struct.pack(">I", length), each.name, each.payload, struct.pack(">I", checksum)]
    return b"".join(parts)


def _pack(random: Random, raw: bytes) -> bytes:
    level = random.choice((0, 1, 6, 9)) if len(raw) < 1_000_000 else 1
    window = random.choice((9, 12, 15))
    packer = zlib.compressobj(level, zlib.DEFLATED, window, random.randint(1, 9), random.randrange(5))
    return packer.compress(raw) + packer.flush()


def _set_pixels(random: Random, png: Png, packed: bytes) -> None:
    """Put packed pixels where the old ones were, in one chunk or several, some of them empty."""
    at = next((index for index, each in enumerate(png.chunks) if each.name == b"IDAT"), len(png.chunks))
    parts = random.choice((1, 1, 2, 9))
    cuts = sorted(random.randrange(len(packed) + 1) for _ in range(parts - 1))
    pieces = [packed[start:end] for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    png.chunks = [each for each in png.chunks if each.name != b"IDAT"]
    png.chunks[at:at] = [Chunk(b"IDAT", piece) for piece in pieces]


def _raw_size(width: int, height: int, bits: int, interlaced: bool) -> list[tuple[int, int]]:
    """(rows, bytes of one) of each pass."""
    sizes = []
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        sizes.append((rows, -(-columns * bits // 8)))
    return [(rows, row) for rows, row in sizes if rows > 0 and row > 0]


def new_picture(random: Random, png: Png) -> None:
    """Another size, depth, colour type, interlace, with as many pixels as that takes: noise, every filter."""
    header = png.first(b"IHDR")
    if header is None:
        return
    colour = random.choice(list(_CHANNELS))
    depth, interlaced = random.choice(_DEPTHS[colour]), random.random() < 0.3
    width, height = (random.choice((32, 33, 47, 64, 224, 300)) for _ in range(2))
    if random.random() < 0.02:
        width, height = random.choice(((2100, 2100), (6000, 800), (40, 110_000)))
    header.payload = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    raw = bytearray()
    for rows, row in _raw_size(width, height, depth * _CHANNELS[colour], interlaced):
        line = noise(random, row)
        for number_of_row in range(rows):
            if number_of_row < 400:
                line = bytes([random.randrange(5)]) + noise(random, row)
            raw += line
    if colour == 3:
        png.put(b"PLTE", noise(random, 3 * random.choice((1, 2, 1 << depth, 1 << depth))))
    else:
        png.chunks = [each for each in png.chunks if each.name not in {b"PLTE", b"tRNS"}]
    if random.random() < 0.3:
        png.put(b"tRNS", noise(random, {0: 2, 2: 6, 3: random.randint(1, 1 << depth)}.get(colour, 2)))
    _set_pixels(random, png, _pack(random, bytes(raw)))


def pixels(random: Random, png: Png) -> None:
    """Unpack, change rows or filters or their number, pack again."""
    packed = b"".join(each.payload for each in png.chunks if each.name == b"IDAT")
    try:
        raw = zlib.decompress(packed)
    except zlib.error:
        return
    changed = bytearray(raw)
    if raw and random.random() < 0.6:
        for _ in range(random.randint(1, 60)):
            changed[random.randrange(len(changed))] = random.randrange(256)
    else:
        changed = bytearray(mangle(random, raw))
    _set_pixels(random, png, _pack(random, bytes(changed)))


def packed_pixels(random: Random, png: Png) -> None:
    """Damage inside the deflate stream; checksums of the chunks are right."""
    packed = b"".join(each.payload for each in png.chunks if each.name == b"IDAT")
    _set_pixels(random, png, random.choice((mangle(random, packed), packed + noise(random, 20), packed[2:])))


def header_field(random: Random, png: Png) -> None:
    """One field of the header, near its old value or at a border."""
    header = png.first(b"IHDR")
    if header is not None and len(header.payload) == 13:
        fields = list(struct.unpack(">IIBBBBB", header.payload))
        which = random.randrange(7)
        fields[which] = number(random, 32 if which < 2 else 8, near=fields[which])
        header.payload = struct.pack(">IIBBBBB", *fields)


def ancillary(random: Random, png: Png) -> None:
    """Palette, transparency, profile, EXIF, colour space: sound, of the wrong length, or damaged."""
    profile = random.choice((b"p", b"", b"n" * 90)) + b"\0" + bytes([random.choice((0, 0, 0, 0, 1))])
    header = png.first(b"IHDR")
    colour = header.payload[9] if header is not None and len(header.payload) == 13 else 2
    packed = _pack(random, icc_profile(random, b"GRAY" if colour in {0, 4} else b"RGB "))
    name, payload = random.choice(
        (
            (b"PLTE", noise(random, random.choice((3, 6, 768, 771, 4, 0)))),
            (b"tRNS", noise(random, random.choice((0, 1, 2, 6, 256, 300)))),
            (b"iCCP", profile + packed),
            (b"iCCP", profile + packed),
            (b"iCCP", mangle(random, profile + packed)),
            (b"eXIf", exif_block(random)),
            (b"cICP", random.choice((bytes([1, 13, 0, 1]), random.randbytes(4)))),
            (random.choice(_NAMES), noise(random, random.randrange(40))),
        )
    )
    if random.random() < 0.8:
        png.put(name, payload)
    else:
        png.chunks.insert(random.randrange(len(png.chunks) + 1), Chunk(name, payload))


def any_chunk(random: Random, png: Png) -> None:
    """A chunk that lies about its length or checksum, has another name, or is damaged with a right checksum."""
    if not png.chunks:
        return
    each = random.choice(png.chunks)
    match random.randrange(4):
        case 0:
            each.length = number(random, 32, near=len(each.payload))
        case 1:
            each.checksum = number(random, 32)
        case 2:
            each.name = random.choice((*_NAMES, random.randbytes(4)))
        case 3:
            each.payload = mangle(random, each.payload)


_MUTATIONS = (
    (8, new_picture), (5, pixels), (4, packed_pixels), (2, header_field), (6, ancillary), (2, any_chunk),
)  # fmt: skip


def mutate(random: Random, data: bytes, other: bytes) -> bytes:
    """A structure-aware mutation of one sound PNG, sometimes with chunks of another."""
    png = mutated(random, parse(data), _MUTATIONS)
    if random.random() < 0.15:
        rearrange(random, png.chunks, parse(other).chunks)
    return join(png)
