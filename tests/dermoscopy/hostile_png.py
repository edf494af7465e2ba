"""PNGs that lie, lack a part, explode, or are of a kind that is not read."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

from tests.dermoscopy.files import chunk, encode, picture, png, png_header, png_of, srgb_profile, valid_files

_WIDTH, _HEIGHT = 48, 40
_ROWS = [bytes(range(3 * _WIDTH))] * _HEIGHT
_END = (b"IEND", b"")


def _packed(rows: list[bytes]) -> bytes:
    return zlib.compress(b"".join(b"\0" + row for row in rows))


def _bomb(width: int, height: int, *, depth: int = 8, colour: int = 2, channels: int = 3) -> bytes:
    """As many black pixels as it says, in a small file."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width * channels * depth // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(png_header(width, height, depth=depth, colour=colour), (b"IDAT", packed), _END)


def _apng() -> bytes:
    return encode(picture(), "PNG", save_all=True, append_images=[picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)])


def _broken_checksum(data: bytes, name: bytes) -> bytes:
    """Change the last byte of the payload of the first chunk of that name, and leave its checksum."""
    at = data.index(name)
    (length,) = struct.unpack_from(">I", data, at - 4)
    last = at + 4 + length - 1
    return data[:last] + bytes([data[last] ^ 1]) + data[last + 1 :]


def _with(*extra: tuple[bytes, bytes], **header: int) -> bytes:
    return png_of(_ROWS, _WIDTH, _HEIGHT, extra=extra, **header)


def inputs() -> dict[str, bytes]:
    plain, palette = valid_files()["png"][0], valid_files()["png-palette"][0]
    header = png_header(_WIDTH, _HEIGHT)
    pixels = (b"IDAT", _packed(_ROWS))
    exploding = b"p\0\0" + zlib.compress(bytes(100_000_000), 9)
    return {
        "100-megapixels": _bomb(10_000, 10_000, depth=1, colour=0, channels=1),
        "2-gigapixels-declared": png(png_header(2**31 - 1, 2**31 - 1), pixels, _END),
        "very-wide": png(png_header(50_000_001, 32), pixels, _END),
        "no-width": png(png_header(0, 40), pixels, _END),
        "more-rows-than-declared": png(header, (b"IDAT", _packed([*_ROWS, *_ROWS])), _END),
        "exploding-pixels": png(header, (b"IDAT", zlib.compress(bytes(50_000_000), 9)), _END),
        "rows-missing": png(header, (b"IDAT", _packed(_ROWS[:-7])), _END),
        "half-a-row-missing": png(header, (b"IDAT", _packed([*_ROWS[:-1], _ROWS[-1][:60]])), _END),
        "stream-not-ended": png(header, (b"IDAT", _packed(_ROWS)[:-5]), _END),
        "bad-adler": png(header, (b"IDAT", _packed(_ROWS)[:-4] + b"1234"), _END),
        "not-deflated": png(header, (b"IDAT", b"".join(_ROWS)), _END),
        "unknown-filter": png(header, (b"IDAT", zlib.compress(b"".join(b"\x09" + row for row in _ROWS))), _END),
        "no-pixels": png(header, _END),
        "empty-pixels": png(header, (b"IDAT", b""), _END),
        "no-end": png(header, pixels),
        "end-only": png(_END),
        "header-twice": png(header, header, pixels, _END),
        "header-not-first": png((b"gAMA", struct.pack(">I", 45455)), header, pixels, _END),
        "header-short": png((b"IHDR", header[1][:9]), pixels, _END),
        "header-long": png((b"IHDR", header[1] + b"\0"), pixels, _END),
        "unknown-critical-chunk": _with((b"CgBI", b"\x50\0\x20\x06")),
        "depth-3": png(png_header(_WIDTH, _HEIGHT, depth=3), pixels, _END),
        "colour-5": png(png_header(_WIDTH, _HEIGHT, colour=5), pixels, _END),
        "interlace-7": png(png_header(_WIDTH, _HEIGHT, interlace=7), pixels, _END),
        "no-palette": png_of([bytes(_WIDTH)] * _HEIGHT, _WIDTH, _HEIGHT, colour=3),
        "palette-of-4-bytes": png_of([bytes(_WIDTH)] * _HEIGHT, _WIDTH, _HEIGHT, colour=3, extra=[(b"PLTE", b"1234")]),
        "palette-too-long": png_of(
            [bytes(_WIDTH // 8)] * _HEIGHT, _WIDTH, _HEIGHT, colour=3, depth=1, extra=[(b"PLTE", bytes(9))]
        ),
        "more-transparencies-than-colours": png_of(
            [bytes(_WIDTH)] * _HEIGHT, _WIDTH, _HEIGHT, colour=3, extra=[(b"PLTE", bytes(9)), (b"tRNS", bytes(4))]
        ),
        "palette-behind-the-pixels": png(
            png_header(_WIDTH, _HEIGHT, colour=3),
            (b"IDAT", _packed([bytes(_WIDTH)] * _HEIGHT)),
            (b"PLTE", bytes(9)),
            _END,
        ),
        "transparency-behind-the-pixels": png(header, pixels, (b"tRNS", bytes(6)), _END),
        "thousands-of-chunks": png(header, *[(b"IDAT", b"")] * 20_000, pixels, _END),
        "animated": _apng(),
        "header-checksum": _broken_checksum(plain, b"IHDR"),
        "pixel-checksum": _broken_checksum(plain, b"IDAT"),
        "palette-checksum": _broken_checksum(palette, b"PLTE"),
        "profile-checksum": _broken_checksum(_with((b"iCCP", b"p\0\0" + zlib.compress(srgb_profile()))), b"iCCP"),
        "chunk-longer-than-file": plain[:33] + b"\x7f\xff\xff\xff" + plain[37:],
        "chunk-of-negative-length": plain[:33] + b"\xff\xff\xff\xf4" + plain[37:],
        "text-cut-short": plain[:33] + chunk(b"tEXt", b"k\0v")[:-6] + plain[33:],
        "exploding-profile": _with((b"iCCP", exploding)),
        "profile-of-garbage": _with((b"iCCP", b"p\0\0" + zlib.compress(b"RGB " * 100))),
        "profile-not-deflated": _with((b"iCCP", b"p\0\0" + srgb_profile()[:200])),
        "profile-cut-short": _with((b"iCCP", b"p\0\0" + zlib.compress(srgb_profile())[:-40])),
        "profile-of-unknown-packing": _with((b"iCCP", b"p\0\x01" + zlib.compress(srgb_profile()))),
        "profile-twice": _with(*[(b"iCCP", b"p\0\0" + zlib.compress(srgb_profile()))] * 2),
        "linear-light": _with((b"gAMA", struct.pack(">I", 100_000))),
        "gamma-of-2-bytes": _with((b"gAMA", b"\0\1")),
        "other-primaries": _with((b"cHRM", struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600))),
        "hdr": _with((b"cICP", bytes([9, 16, 0, 1]))),
        "16-bit-with-transparent-colour": png_of(
            [bytes(6 * _WIDTH)] * _HEIGHT, _WIDTH, _HEIGHT, depth=16, extra=[(b"tRNS", bytes(6))]
        ),
        "wholly-transparent": png_of([bytes(4 * _WIDTH)] * _HEIGHT, _WIDTH, _HEIGHT, colour=6),
    }
