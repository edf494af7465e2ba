"""TIFFs that lie, loop, explode, have several pages, or are of a kind that is not read."""

from __future__ import annotations

import struct
import zlib

from tests.dermoscopy.files import Changes, encode, picture, tiff, tiff_tags, valid_files

_WIDTH, _HEIGHT = 64, 48
_SIZE = _WIDTH * _HEIGHT
_PIXELS = bytes(k % 251 for k in range(_SIZE))


def _grey(**changes: tuple[int, ...] | None) -> bytes:
    """An uncompressed grey picture, with fields changed or (None) removed."""
    return tiff(_PIXELS, tiff_tags(_WIDTH, _HEIGHT, _SIZE, changes))


def _tiled(across: int, down: int, **changes: tuple[int, ...] | None) -> bytes:
    tiles: Changes = {
        "offsets": None,
        "counts": None,
        "rows": None,
        "tile_width": (across,),
        "tile_height": (down,),
        "tile_offsets": (8,),
        "tile_counts": (_SIZE,),
    }
    return _grey(**{**tiles, **changes})


def _packed(data: bytes, compression: int) -> bytes:
    """A compressed picture whose strip is consistent with itself but holds `data`."""
    return tiff(data, tiff_tags(_WIDTH, _HEIGHT, len(data), {"compression": (compression,)}))


def _patched(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def inputs() -> dict[str, bytes]:
    plain = _grey()
    directory = 8 + _SIZE
    first_entry = directory + 2
    lzw = encode(picture("L", (_WIDTH, _HEIGHT)), "TIFF", compression="tiff_lzw")
    return {
        "two-pages": encode(picture(), "TIFF", save_all=True, append_images=[picture()]),
        "page-loop": tiff(_PIXELS, tiff_tags(_WIDTH, _HEIGHT, _SIZE, {}), following=8 + _SIZE),
        "second-page-outside": tiff(_PIXELS, tiff_tags(_WIDTH, _HEIGHT, _SIZE, {}), following=2**31),
        "preview-of-another-picture": _grey(subfile=(1,)),
        "preview-by-the-old-name": _grey(old_subfile=(2,)),
        "mask-of-another-picture": _grey(subfile=(4,)),
        "directory-outside": _patched(plain, 4, 2**32 - 2),
        "directory-at-0": _patched(plain, 4, 0),
        "directory-of-65535-fields": plain[:directory] + b"\xff\xff" + plain[directory + 2 :],
        "no-fields": plain[:directory] + b"\0\0" + bytes(4),
        "big-tiff": b"II\x2b\0\x08\0\0\0" + plain[8:],
        "huge": _grey(width=(2**31 - 1,), height=(2**31 - 1,)),
        "200-megapixels": _grey(width=(20_000,), height=(10_000,), rows=(10_000,), counts=(_SIZE,)),
        "no-width": _grey(width=None),
        "width-of-0": _grey(width=(0,)),
        "width-twice": _grey(width=(_WIDTH, _WIDTH)),
        "width-of-4-gigabytes-of-values": _patched(plain, first_entry + 4, 2**32 - 1),
        "width-of-unknown-type": plain[: first_entry + 2] + b"\x63\0" + plain[first_entry + 4 :],
        "no-strips": _grey(offsets=None),
        "no-strip-counts": _grey(counts=None),
        "strip-missing": _grey(rows=(24,)),
        "strip-too-many": _grey(offsets=(8, 8)),
        "strip-outside": _grey(offsets=(2**31,)),
        "strip-longer-than-file": _grey(counts=(2**31,)),
        "strip-too-short": _grey(counts=(_SIZE - 1,)),
        "strip-of-no-bytes": _grey(counts=(0,)),
        "strip-of-no-rows": _grey(rows=(0,)),
        "more-rows-than-declared": _grey(height=(40,), rows=(40,)),
        "a-million-strips": _grey(height=(700_000,), rows=(1,)),
        "strips-and-tiles": _grey(tile_offsets=(8,), tile_counts=(_SIZE,), tile_width=(64,), tile_height=(48,)),
        "tile-of-4-gigapixels": _tiled(65536, 65536),
        "tile-of-0": _tiled(0, 0),
        "tile-missing": _tiled(32, 48),
        "tile-too-short": _tiled(64, 64),
        "photometric-missing": _grey(photometric=None),
        "ycbcr": _grey(photometric=(6,), samples=(3,), bits=(8, 8, 8)),
        "cielab": _grey(photometric=(8,), samples=(3,), bits=(8, 8, 8)),
        "white-is-zero-16-bit": _grey(photometric=(0,), bits=(16,), width=(32,)),
        "12-bit": _grey(bits=(12,)),
        "32-bit": encode(picture("L").convert("I"), "TIFF"),
        "float": encode(picture("L").convert("F"), "TIFF"),
        "signed": _grey(sample_format=(2,)),
        "uneven-bits": _grey(photometric=(2,), samples=(3,), bits=(5, 6, 5)),
        "200-samples": _grey(samples=(200,)),
        "bits-for-too-many-samples": _grey(bits=(8,) * 2000),
        "reversed-bits": _grey(fill_order=(2,)),
        "4-bit-colours": _grey(photometric=(2,), samples=(3,), bits=(4, 4, 4)),
        "float-predictor": _grey(predictor=(3,)),
        "two-alphas": _grey(photometric=(2,), samples=(5,), extra=(1, 1)),
        "inks-not-cmyk": _grey(photometric=(5,), samples=(4,), ink_set=(2,)),
        "no-palette": _grey(photometric=(3,)),
        "palette-too-short": _grey(photometric=(3,), colour_map=(0, 65535, 0)),
        "palette-of-8-bit-values": _grey(photometric=(3,), colour_map=tuple(range(256)) * 3),
        "jpeg-inside": encode(picture(), "TIFF", compression="jpeg"),
        "fax": encode(picture("1"), "TIFF", compression="group4"),
        "zstd": encode(picture(), "TIFF", compression="zstd"),
        "lzw-of-garbage": _packed(b"\x80\x0b\xff\xff" * 40, 5),
        "lzw-strip-in-the-directory": lzw[:4] + lzw[4:8] + lzw[8:40] + bytes(len(lzw) - 40),
        "deflate-too-short": _packed(zlib.compress(_PIXELS[:-200]), 8),
        "deflate-cut": _packed(zlib.compress(_PIXELS)[:-30], 8),
        "deflate-of-garbage": _packed(b"garbage" * 40, 8),
        "packbits-too-short": _packed(b"\x81\x07" * 20, 32773),
        "profile-of-garbage": encode(picture(), "TIFF", icc_profile=b"RGB " * 100),
        "cut-and-repaired": valid_files()["tiff-deflate"][0][:200],
    }
