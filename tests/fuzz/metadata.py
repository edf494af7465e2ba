"""Colour profiles and EXIF blocks, sound and damaged, for every format that can carry them.

Sound ones of each kind matter most: Little CMS reads a profile only as far as it makes sense.
"""

from __future__ import annotations

import struct
from functools import cache
from random import Random

from tests.dermoscopy.files import exif, srgb_profile
from tests.fuzz.values import mangle, noise, number

# Codes of ICC.1:2022 that a reader tells apart: colour spaces, classes, types of a tag, names of tags.
_CODES = (
    b"RGB GRAYCMYKLab XYZ Luv YCbrHSV 2CLR4CLR6CLR"
    b"mntrscnrprtrlinkabstspacnmcl"
    b"curvparaXYZ descmlucmft1mft2mAB mBA mpetncl2sf32ui08view"
    b"rTRCgTRCbTRCkTRCrXYZgXYZbXYZwtptA2B0A2B1B2A0D2B0chad"
)
_HEADER = 128


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 2 profile with these tags."""
    place = _HEADER + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data.ljust(-(-len(data) // 4) * 4, b"\0")
    size = _HEADER + len(table) + len(body)
    header = struct.pack(">I4xI", size, 0x02400000) + b"mntr" + space + connection + bytes(12) + b"acsp" + bytes(28)
    return (header + _fixed(0.9642, 1, 0.8249)).ljust(_HEADER, b"\0") + table + body


def _table(kind: bytes, inputs: int, grid: int = 3) -> bytes:
    """A lookup table of 8 (mft1) or 16 bits (mft2) from `inputs` channels to Lab, all mid-grey but the curves."""
    head = kind + bytes(4) + bytes([inputs, 3, grid, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    points: int = 3 * grid**inputs
    if kind == b"mft1":
        return head + bytes(range(256)) * inputs + b"\x80" * points + bytes(range(256)) * 3
    ends = b"\0\0\xff\xff"
    return head + struct.pack(">HH", 2, 2) + ends * inputs + b"\x80\0" * points + ends * 3


@cache
def undated_srgb() -> bytes:
    """The sRGB profile without the time at which Little CMS made it (ICC.1:2022 section 7.2.8)."""
    profile = srgb_profile()
    return profile[:24] + bytes(12) + profile[36:]


@cache
def profiles() -> dict[bytes, tuple[bytes, ...]]:
    """Colour space -> sound profiles of it: by matrix and curves, and by lookup tables."""
    white = {b"wtpt": b"XYZ " + bytes(4) + _fixed(0.9642, 1, 0.8249)}
    curve = b"curv" + struct.pack(">II4H", 0, 4, 0, 9000, 30000, 65535)
    return {
        b"RGB ": (undated_srgb(), _profile(b"RGB ", b"Lab ", {**white, b"A2B0": _table(b"mft1", 3)})),
        b"GRAY": (_profile(b"GRAY", b"XYZ ", {**white, b"kTRC": curve}),),
        b"CMYK": tuple(_profile(b"CMYK", b"Lab ", {**white, b"A2B0": _table(kind, 4)}) for kind in (b"mft1", b"mft2")),
    }


def _code(random: Random) -> bytes:
    at = 4 * random.randrange(len(_CODES) // 4)
    return _CODES[at : at + 4]


def _damaged(random: Random, profile: bytes) -> bytes:
    data = bytearray(profile)
    count = min(int.from_bytes(data[_HEADER : _HEADER + 4], "big"), (len(data) - _HEADER - 4) // 12)
    if count < 1:
        return mangle(random, profile)
    entry = _HEADER + 4 + 12 * random.randrange(count)
    place, size = struct.unpack_from(">II", data, entry + 4)
    match random.randrange(6):
        case 0:
            at = 4 * random.randrange(33)
            data[at : at + 4] = _code(random) if random.random() < 0.5 else number(random, 32).to_bytes(4, "big")
        case 1:
            at = entry + random.choice((0, 4, 8))
            data[at : at + 4] = _code(random) if at == entry else number(random, 32, near=place).to_bytes(4, "big")
        case 2:
            data[place : place + 4] = _code(random)
        case 3:
            data[place + 8 : place + 12] = number(random, 32, near=size).to_bytes(4, "big")
        case 4:
            data[place : place + size] = mangle(random, bytes(data[place : place + size]))
        case _:
            return mangle(random, profile)
    return bytes(data)


def icc_profile(random: Random, space: bytes | None = None) -> bytes:
    """A profile, damaged more often than not.

    Args:
        random: Where the choice comes from.
        space: Its colour space, such as `b"RGB "`; any if None.
    """
    known = profiles()
    if space not in known or random.random() < 0.2:
        space = random.choice(list(known))
    profile = random.choice(known[space])
    for _ in range(random.choice((0, 1, 1, 1, 2, 4))):
        profile = _damaged(random, profile)
    return profile if random.random() < 0.97 else noise(random, random.randrange(400))


def exif_block(random: Random) -> bytes:
    """An EXIF block that begins with its TIFF header: any orientation, sound or damaged."""
    block = exif(random.randrange(10)).removeprefix(b"Exif\0\0")
    for _ in range(random.choice((0, 0, 1, 2))):
        block = mangle(random, block)
    return block
