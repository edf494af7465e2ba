"""WebPs that lie, lack a part, explode, or are animated."""

from __future__ import annotations

import struct

from PIL import Image

from tests.dermoscopy.files import encode, picture, riff, valid_files, vp8x, webp_chunk


def _sized_vp8(payload: bytes, width: int, height: int) -> bytes:
    return payload[:6] + struct.pack("<HH", width, height) + payload[10:]


def _sized_vp8l(payload: bytes, width: int, height: int) -> bytes:
    return payload[:1] + struct.pack("<I", (width - 1) | (height - 1) << 14) + payload[5:]


def _animated() -> bytes:
    return encode(
        picture(), "WEBP", save_all=True, append_images=[picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    )


def inputs() -> dict[str, bytes]:
    plain = valid_files()["webp"][0]
    lossy = webp_chunk(plain, b"VP8 ")
    lossless = webp_chunk(valid_files()["webp-lossless"][0], b"VP8L")
    alpha = webp_chunk(valid_files()["webp-alpha"][0], b"ALPH")
    return {
        "huge-lossy": riff((b"VP8 ", _sized_vp8(lossy, 16383, 16383))),
        "huge-lossless": riff((b"VP8L", _sized_vp8l(lossless, 16384, 16384))),
        "huge-canvas": riff(vp8x(1 << 24, 1 << 24), (b"VP8 ", lossy)),
        "canvas-beyond-half-the-limit": riff((b"VP8L", _sized_vp8l(lossless, 6000, 6000))),
        "canvas-of-other-size": riff(vp8x(73, 56), (b"VP8 ", lossy)),
        "canvas-without-picture": riff(vp8x(72, 56)),
        "canvas-of-4-bytes": riff((b"VP8X", bytes(4)), (b"VP8 ", lossy)),
        "no-width": riff((b"VP8 ", _sized_vp8(lossy, 0, 56))),
        "taller-than-its-data": riff((b"VP8 ", _sized_vp8(lossy, 72, 3000))),
        "lossless-taller-than-its-data": riff((b"VP8L", _sized_vp8l(lossless, 72, 3000))),
        "lossy-cut-and-closed": riff((b"VP8 ", lossy[: len(lossy) // 2])),
        "lossless-cut-and-closed": riff((b"VP8L", lossless[: len(lossless) // 2])),
        "lossy-header-only": riff((b"VP8 ", lossy[:10])),
        "alpha-cut-and-closed": riff(vp8x(72, 56, 0x10), (b"ALPH", alpha[: len(alpha) // 2]), (b"VP8 ", lossy)),
        "alpha-not-declared": riff(vp8x(72, 56), (b"ALPH", alpha), (b"VP8 ", lossy)),
        "no-start-code": riff((b"VP8 ", lossy[:3] + b"\0\0\0" + lossy[6:])),
        "not-a-key-frame": riff((b"VP8 ", bytes([lossy[0] | 1]) + lossy[1:])),
        "lossless-without-signature": riff((b"VP8L", b"\0" + lossless[1:])),
        "two-pictures": riff((b"VP8 ", lossy), (b"VP8 ", lossy)),
        "a-thousand-chunks": riff(*[(b"JUNK", b"")] * 1000, (b"VP8 ", lossy)),
        "animated": _animated(),
        "animated-flag": riff(vp8x(72, 56, 0x02), (b"VP8 ", lossy)),
        "one-frame-of-an-animation": riff(vp8x(72, 56), (b"ANMF", bytes(16) + plain[12:])),
        "no-chunks": b"RIFF\x04\0\0\0WEBP",
        "size-beyond-the-file": b"RIFF" + struct.pack("<I", len(plain) * 2) + plain[8:],
        "size-of-0": b"RIFF\0\0\0\0" + plain[8:],
        "size-of-4-gigabytes": b"RIFF\xff\xff\xff\xff" + plain[8:],
        "chunk-beyond-the-file": plain[:16] + b"\xf0\xff\xff\xff" + plain[20:],
        "profile-of-garbage": riff(vp8x(72, 56, 0x20), (b"ICCP", b"RGB " * 100), (b"VP8 ", lossy)),
    }
