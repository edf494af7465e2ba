"""BMPs that lie, lack a part, or are of a kind that is not read."""

from __future__ import annotations

import struct

from tests.dermoscopy.files import bmp, srgb_profile

_WIDTH, _HEIGHT = 48, 40
_PIXELS = bytes(range(3 * _WIDTH)) * _HEIGHT


def _version_5(kind: bytes, place: int, size: int) -> bytes:
    """A BITMAPV5HEADER with a colour profile, which begins behind the pixels when `place` is right."""
    data = bytearray(bmp(_WIDTH, _HEIGHT, header=124, body=_PIXELS + srgb_profile()))
    data[14 + 56 : 14 + 60] = kind
    struct.pack_into("<II", data, 14 + 112, place, size)
    return bytes(data)


def inputs() -> dict[str, bytes]:
    plain = bmp(_WIDTH, _HEIGHT, body=_PIXELS)
    return {
        "huge": bmp(2**31 - 1, 2**31 - 1, body=_PIXELS),
        "50-megapixels-in-6-kilobytes": bmp(10_000, 4_900, body=_PIXELS),
        "one-bit-bomb": bmp(60_000, 60_000, depth=1, body=_PIXELS),
        "lowest-height": bmp(_WIDTH, -(2**31), body=_PIXELS),
        "negative-width": bmp(-_WIDTH, _HEIGHT, body=_PIXELS),
        "no-width": bmp(0, _HEIGHT, body=_PIXELS),
        "no-height": bmp(_WIDTH, 0, body=_PIXELS),
        "taller-than-its-data": bmp(_WIDTH, _HEIGHT + 1, body=_PIXELS),
        "taller-than-its-data-from-the-top": bmp(_WIDTH, -_HEIGHT - 1, body=_PIXELS),
        "pixels-outside": bmp(_WIDTH, _HEIGHT, offset=2**32 - 1, body=_PIXELS),
        "pixels-in-the-header": bmp(_WIDTH, _HEIGHT, offset=20, body=_PIXELS),
        "pixels-in-the-palette": bmp(_WIDTH, _HEIGHT, depth=8, body=_PIXELS),
        "palette-of-4-billion": bmp(_WIDTH, _HEIGHT, depth=8, colours=2**32 - 1, offset=1078, body=_PIXELS),
        "palette-of-257": bmp(_WIDTH, _HEIGHT, depth=8, colours=257, offset=1082, body=_PIXELS),
        "depth-0": bmp(_WIDTH, _HEIGHT, depth=0, body=_PIXELS),
        "depth-2": bmp(_WIDTH, _HEIGHT, depth=2, body=_PIXELS),
        "depth-48": bmp(_WIDTH, _HEIGHT, depth=48, body=_PIXELS),
        "no-planes": bmp(_WIDTH, _HEIGHT, planes=0, body=_PIXELS),
        "run-length": bmp(_WIDTH, _HEIGHT, depth=8, compression=1, offset=1078, body=_PIXELS),
        "jpeg-inside": bmp(_WIDTH, _HEIGHT, compression=4, body=_PIXELS),
        "strange-masks": bmp(_WIDTH, _HEIGHT, depth=16, compression=3, offset=66, body=b"\x0f\0\0\0" * 3 + _PIXELS),
        "masks-in-the-pixels": bmp(_WIDTH, _HEIGHT, depth=16, compression=3, body=_PIXELS),
        "os2-header": plain[:14] + struct.pack("<IHHHH", 12, _WIDTH, _HEIGHT, 1, 24) + _PIXELS,
        "header-of-4-gigabytes": plain[:14] + b"\xff\xff\xff\xff" + plain[18:],
        "header-longer-than-file": bmp(_WIDTH, _HEIGHT, header=124)[:100],
        "linked-profile": _version_5(b"KNIL", 124 + len(_PIXELS), len(srgb_profile())),
        "profile-outside": _version_5(b"DEBM", 2**31, 400),
        "profile-of-pixels": _version_5(b"DEBM", 124, 400),
    }
