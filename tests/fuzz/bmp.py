"""BMP: mutations of its two headers, and whole new pictures of any depth."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random

from tests.fuzz.metadata import icc_profile
from tests.fuzz.values import mangle, mutated, noise, number

# Field of the headers -> its offset in the file and its bits.
_FIELDS = {
    "file_size": (2, 32), "reserved": (6, 32), "offset": (10, 32), "header": (14, 32), "width": (18, 32),
    "height": (22, 32), "planes": (26, 16), "depth": (28, 16), "compression": (30, 32), "image_size": (34, 32),
    "colours": (46, 32), "important": (50, 32),
}  # fmt: skip
_FILE_HEADER = 14
_MASKS = {16: ((0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)), 32: ((0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000))}


@dataclass
class Bmp:
    """A file: both headers, then masks, palette, gap, pixels and profile, in `rest`."""

    head: bytearray
    rest: bytes

    def get(self, name: str) -> int:
        """The value of a field, as unsigned."""
        at, bits = _FIELDS[name]
        return int.from_bytes(self.head[at : at + bits // 8], "little")

    def set(self, name: str, value: int) -> None:
        """Write a field, cut to its width."""
        at, bits = _FIELDS[name]
        self.head[at : at + bits // 8] = (value & (1 << bits) - 1).to_bytes(bits // 8, "little")


def parse(data: bytes) -> Bmp:
    """Take a sound file apart."""
    size = _FILE_HEADER + int.from_bytes(data[14:18], "little")
    return Bmp(bytearray(data[:size]), data[size:])


def new_picture(random: Random, bmp: Bmp) -> None:
    """Another header, size, depth, palette, masks, direction, gap, profile, with the pixels that this takes."""
    header = random.choice((40, 40, 40, 52, 56, 108, 124, 124))
    depth = random.choice((1, 4, 8, 16, 24, 32))
    masked = depth in _MASKS and random.random() < 0.5
    width, height = random.choice((32, 33, 40, 63, 300)), random.choice((32, 35, 48, 200))
    if random.random() < 0.01:
        width, height = random.choice(((2100, 2000), (60_000, 70), (32, 140_000)))
    bmp.head = bytearray(b"BM").ljust(_FILE_HEADER + header, b"\0")
    for name, value in (
        ("header", header), ("width", width), ("height", random.choice((height, -height))), ("planes", 1),
        ("depth", depth), ("compression", 3 if masked else 0),
    ):  # fmt: skip
        bmp.set(name, value)
    colours = random.choice((0, 1, 2, 1 << depth)) if depth <= 8 else random.choice((0, 0, 3))
    bmp.set("colours", colours)
    before = noise(random, 4 * (colours or 1 << depth)) if depth <= 8 else b""
    if masked:
        masks = struct.pack("<3I", *random.choice(_MASKS[depth])) if random.random() < 0.9 else noise(random, 12)
        if header == 40:
            before = masks + before
        else:
            bmp.head[54:66] = masks
            if header > 52:
                bmp.head[66:70] = random.choice((b"\0\0\0\0", b"\0\0\0\xff", random.randbytes(4)))
    before += noise(random, random.choice((0, 0, 0, 1, 30)))
    row = (width * depth + 31) // 32 * 4
    lines = [noise(random, row) for _ in range(min(height, 300))]
    pixels = b"".join((lines * (height // len(lines) + 1))[:height])
    bmp.set("offset", len(bmp.head) + len(before))
    bmp.rest = before + pixels
    if header == 124 and random.random() < 0.6:
        profile(random, bmp)


def profile(random: Random, bmp: Bmp) -> None:
    """A colour profile behind the pixels of a version 5 header, in the right place or another."""
    if len(bmp.head) != _FILE_HEADER + 124:
        return
    data = icc_profile(random, b"RGB ")
    place, size = len(bmp.head) - _FILE_HEADER + len(bmp.rest), len(data)
    if random.random() < 0.15:
        place, size = number(random, 32, near=place), number(random, 32, near=size)
    bmp.head[70:74] = random.choice((b"DEBM", b"DEBM", b"DEBM", b"KNIL", b"BGRs"))
    bmp.head[126:134] = struct.pack("<II", place, size)
    bmp.rest += data


def header_field(random: Random, bmp: Bmp) -> None:
    """One field, near its old value or at a border."""
    name = random.choice(list(_FIELDS))
    bmp.set(name, number(random, _FIELDS[name][1], near=bmp.get(name)))


def likely_field(random: Random, bmp: Bmp) -> None:
    """One field gets another of the values that are usual for it."""
    name, choices = random.choice(
        (
            ("depth", (1, 2, 4, 8, 16, 24, 32)),
            ("compression", (0, 1, 2, 3, 4, 5, 6)),
            ("header", (12, 16, 40, 52, 56, 64, 108, 124)),
            ("height", (-bmp.get("height"), bmp.get("height") - 1, 32)),
            ("width", (32, 33, bmp.get("width") - 1)),
            ("offset", (14, 54, bmp.get("offset") - 4, bmp.get("offset") + 4)),
        )
    )
    bmp.set(name, random.choice(choices))


def any_header_byte(random: Random, bmp: Bmp) -> None:
    """A byte of the headers, also where masks and colour space are."""
    bmp.head[random.randrange(2, len(bmp.head))] = random.randrange(256)


def body(random: Random, bmp: Bmp) -> None:
    """Damage behind the headers: palette, masks, pixels; more or less of them."""
    bmp.rest = random.choice(
        (
            mangle(random, bmp.rest),
            bmp.rest + noise(random, 100),
            bmp.rest[: random.randrange(len(bmp.rest) + 1)],
            noise(random, 66) + bmp.rest[66:],
        )
    )


_MUTATIONS = (
    (9, new_picture), (3, header_field), (4, likely_field), (2, any_header_byte), (4, body), (2, profile),
)  # fmt: skip


def mutate(random: Random, data: bytes, other: bytes) -> bytes:
    """A structure-aware mutation of one sound BMP, sometimes with the body of another."""
    bmp = mutated(random, parse(data), _MUTATIONS)
    if random.random() < 0.05:
        bmp.rest = parse(other).rest
    return bytes(bmp.head) + bmp.rest
