"""TIFF: a file as strips or tiles and one directory, and mutations of the directory; whole new pictures are made in
`tiff_pictures`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random

from tests.fuzz.metadata import icc_profile
from tests.fuzz.values import mangle, noise, number, rearrange

SHORT, LONG = 3, 4
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS = 256, 257, 258, 259, 262, 277, 278
PLANAR, PREDICTOR, COLOUR_MAP, EXTRA, PROFILE = 284, 317, 320, 338, 34675
OFFSETS, COUNTS, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 273, 279, 322, 323, 324, 325
# Tags that a decoder looks at, with those that it should not: JPEG tables, fax options, sub-directories, EXIF.
_TAGS = (*range(254, 260), *range(262, 267), 273, 274, 277, 278, 279, 282, 284, 292, 293, 317, 320, 321, 322, 323, 324,
         325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 519, 529, 530, 532, 33432, 34665, 34675)  # fmt: skip
# Field type -> struct code of one value; a rational counts as two.
_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q", 6: "B", 7: "B", 8: "H", 9: "I", 10: "Q", 11: "I", 12: "Q", 16: "Q"}


@dataclass
class Entry:
    """One field; `count` and `place` are set where it shall lie about them."""

    tag: int
    kind: int
    values: tuple[int, ...]
    count: int | None = None
    place: int | None = None

    def raw(self, order: str) -> bytes:
        """Its values, cut to the width of the type."""
        code = _CODES.get(self.kind, "B")
        most = (1 << 8 * struct.calcsize(code)) - 1
        return struct.pack(f"{order}{len(self.values)}{code}", *(value & most for value in self.values))


@dataclass
class Tiff:
    """A file: the pieces of its picture, which begin at offset 8, and behind them its directory."""

    order: str
    pieces: list[bytes]
    entries: list[Entry]
    following: int | None = 0
    start: int | None = None

    def find(self, tag: int) -> Entry | None:
        """The first field of a tag."""
        return next((each for each in self.entries if each.tag == tag), None)

    def put(self, tag: int, kind: int, *values: int) -> None:
        """Replace the field of a tag, or add one in its place by order."""
        self.entries = sorted(
            [*(each for each in self.entries if each.tag != tag), Entry(tag, kind, values)], key=lambda each: each.tag
        )

    def settle(self) -> None:
        """Let offsets and counts say where the pieces are."""
        tiled = self.find(TILE_OFFSETS) is not None
        places, at = [], 8
        for piece in self.pieces:
            places.append(at)
            at += len(piece)
        self.put(TILE_OFFSETS if tiled else OFFSETS, LONG, *places)
        self.put(TILE_COUNTS if tiled else COUNTS, LONG, *(len(piece) for piece in self.pieces))


def parse(data: bytes) -> Tiff:
    """Take a sound file apart."""
    order = "<" if data.startswith(b"II") else ">"
    (offset,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, offset)
    tiff = Tiff(order, [], [])
    for at in range(offset + 2, offset + 2 + 12 * count, 12):
        tag, kind, values, place = struct.unpack_from(order + "HHII", data, at)
        code = f"{order}{values}{_CODES[kind]}"
        start = at + 8 if struct.calcsize(code) <= 4 else place
        tiff.entries.append(Entry(tag, kind, struct.unpack_from(code, data, start)))
    offsets, counts = tiff.find(OFFSETS), tiff.find(COUNTS)
    if offsets is not None and counts is not None:
        tiff.pieces = [data[at : at + size] for at, size in zip(offsets.values, counts.values, strict=True)]
    tiff.settle()
    return tiff


def join(tiff: Tiff) -> bytes:
    """Write the file; where nothing lies, it is sound."""
    order, body = tiff.order, b"".join(tiff.pieces)
    body += b"\0" * (len(body) % 2)
    start = 8 + len(body)
    place = start + 2 + 12 * len(tiff.entries) + 4
    table, outside = bytearray(), bytearray()
    for each in tiff.entries:
        raw = each.raw(order)
        count = len(each.values) if each.count is None else each.count
        table += struct.pack(order + "HHI", each.tag, each.kind, count & 0xFFFFFFFF)
        if len(raw) <= 4 and each.place is None:
            table += raw.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", place + len(outside) if each.place is None else each.place)
            outside += raw + b"\0" * (len(raw) % 2)
    following = start if tiff.following is None else tiff.following
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, tiff.start or start)
    head = struct.pack(order + "H", len(tiff.entries) & 0xFFFF)
    return b"".join([magic, body, head, table, struct.pack(order + "I", following), outside])


def field_value(random: Random, tiff: Tiff) -> None:
    """Another value in a field that there is."""
    if tiff.entries:
        each = random.choice(tiff.entries)
        if each.values:
            at = random.randrange(len(each.values))
            value = number(random, 16 if each.kind == SHORT else 32, near=each.values[at])
            each.values = (*each.values[:at], value, *each.values[at + 1 :])


def field_shape(random: Random, tiff: Tiff) -> None:
    """Another tag, type, number of values or place."""
    if not tiff.entries:
        return
    each = random.choice(tiff.entries)
    match random.randrange(5):
        case 0:
            each.tag = random.choice(_TAGS) if random.random() < 0.8 else number(random, 16)
        case 1:
            each.kind = random.choice((*_CODES, 0, 13, 17, 255, 65535))
        case 2:
            each.count = number(random, 32, near=len(each.values))
        case 3:
            each.place = number(random, 32, near=8)
        case 4:
            each.values = (each.values * 3)[: number(random, 8, near=len(each.values))]


def new_field(random: Random, tiff: Tiff) -> None:
    """A field that was not there, or one more of those that were; in order of tags, or not."""
    tag = random.choice(_TAGS)
    values = tuple(number(random, 16, near=8) for _ in range(random.choice((1, 1, 2, 3, 4, 20))))
    if random.random() < 0.7:
        tiff.put(tag, random.choice((SHORT, LONG, 1, 7)), *values)
    else:
        tiff.entries.insert(random.randrange(len(tiff.entries) + 1), Entry(tag, random.choice(list(_CODES)), values))


def profile(random: Random, tiff: Tiff) -> None:
    """A colour profile, most often of the right colours."""
    photometric = tiff.find(PHOTOMETRIC)
    kind = photometric.values[0] if photometric is not None and photometric.values else 2
    tiff.put(PROFILE, 7, *icc_profile(random, {0: b"GRAY", 1: b"GRAY", 5: b"CMYK"}.get(kind, b"RGB ")))


def decoding(random: Random, tiff: Tiff) -> None:
    """Tell the decoder something else about the same bytes: code, predictor, planes, colours, bits, orientation."""
    tag, choices = random.choice(
        (
            (COMPRESSION, (1, 5, 8, 32946, 32773, 7, 2, 4, 6, 50000, 34676)),
            (PREDICTOR, (1, 2, 2, 3)),
            (PLANAR, (1, 2, 2)),
            (PHOTOMETRIC, (0, 1, 2, 3, 5, 6, 8)),
            (BITS, (1, 2, 4, 8, 16)),
            (274, tuple(range(10))),
            (EXTRA, (0, 1, 2)),
        )
    )
    old = tiff.find(tag)
    tiff.put(tag, SHORT, *[random.choice(choices)] * (len(old.values) if old is not None else 1))


def pieces(random: Random, tiff: Tiff) -> None:
    """Damage in the coded pixels, with offsets and counts that fit it, or one that points elsewhere."""
    if not tiff.pieces:
        return
    at = random.randrange(len(tiff.pieces))
    match random.randrange(4):
        case 0 | 1:
            tiff.pieces[at] = mangle(random, tiff.pieces[at]) or b"\0"
            tiff.settle()
        case 2:
            tiff.pieces[at] = noise(random, random.choice((1, len(tiff.pieces[at]), 4 * len(tiff.pieces[at]))))
            tiff.settle()
        case 3:
            tag = random.choice((OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS))
            if (field := tiff.find(tag)) is not None and field.values:
                values = list(field.values)
                values[at % len(values)] = random.choice(values) + random.choice((0, 0, -1, 1, 100))
                field.values = tuple(values)


def chain(random: Random, tiff: Tiff) -> None:
    """A directory that leads to itself or anywhere, another byte order, a directory somewhere else."""
    match random.randrange(4):
        case 0:
            tiff.following = random.choice((None, number(random, 32, near=8)))
        case 1:
            tiff.start = number(random, 32, near=8)
        case _:
            tiff.order = ">" if tiff.order == "<" else "<"


def shuffle(random: Random, tiff: Tiff) -> None:
    """Fields dropped, repeated or out of order."""
    rearrange(random, tiff.entries, tiff.entries)
