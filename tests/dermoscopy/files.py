"""Image files for tests: valid ones from the renderer, and builders that put a file together byte by byte."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from functools import cache

import numpy as np
from PIL import Image, ImageCms

from dermoscopy.render import render_lesion

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}


@cache
def picture(mode: str = "RGB", size: tuple[int, int] = (72, 56)) -> Image.Image:
    """A rendered lesion in a mode of Pillow."""
    image = Image.fromarray(render_lesion(3, side=96, malignancy=0.7)).resize(size)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    if mode == "RGBA":
        image = image.convert("RGBA")
        image.putalpha(Image.linear_gradient("L").resize(size))
        return image
    return image.convert(mode)


def encode(image: Image.Image, name: str, **options: object) -> bytes:
    """Save with Pillow."""
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


@cache
def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB with the colorants of red and blue exchanged: a profile whose effect nobody can overlook."""
    profile = srgb_profile()
    return profile.replace(b"rXYZ", b"tmp0").replace(b"bXYZ", b"rXYZ").replace(b"tmp0", b"bXYZ")


def exif(orientation: int) -> bytes:
    """An EXIF block with its JPEG prefix."""
    block = Image.Exif()
    block[274] = orientation
    block[271] = "maker"
    return block.tobytes()


def exif_of_colours(space: int = 0xFFFF, index: bytes = b"R03\0", order: str = "<") -> bytes:
    """An EXIF block with its JPEG prefix, whose directories say of what colours a picture is; Adobe RGB by default."""

    def directory(*fields: tuple[int, int, int, bytes]) -> bytes:
        return struct.pack(order + "H", len(fields)) + b"".join(struct.pack(order + "HHI4s", *f) for f in fields)

    first = directory((34_665, 4, 1, struct.pack(order + "I", 26)))
    colours = (40_961, 3, 1, struct.pack(order + "HH", space, 0))
    details = directory(colours, (40_965, 4, 1, struct.pack(order + "I", 56)))
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    none = bytes(4)
    return b"Exif\0\0" + magic + first + none + details + none + directory((1, 2, len(index), index)) + none


@cache
def valid_files() -> dict[str, tuple[bytes, str]]:
    """Name -> (file, content type) of one valid file for each way of storing a picture."""
    wanted: list[tuple[str, str, str, dict[str, object]]] = [
        ("jpeg", "RGB", "JPEG", {}),
        ("jpeg-progressive", "RGB", "JPEG", {"progressive": True}),
        ("jpeg-restarts", "RGB", "JPEG", {"restart_marker_blocks": 3}),
        ("jpeg-grey", "L", "JPEG", {}),
        ("jpeg-cmyk", "CMYK", "JPEG", {}),
        ("jpeg-metadata", "RGB", "JPEG", {"exif": exif(6), "icc_profile": srgb_profile(), "comment": b"c"}),
        ("png", "RGB", "PNG", {}),
        ("png-palette", "P", "PNG", {}),
        ("png-16bit", "I;16", "PNG", {}),
        ("png-alpha", "RGBA", "PNG", {}),
        ("webp", "RGB", "WEBP", {}),
        ("webp-lossless", "RGB", "WEBP", {"lossless": True}),
        ("webp-alpha", "RGBA", "WEBP", {"exif": exif(3)}),
        ("tiff", "RGB", "TIFF", {}),
        ("tiff-lzw", "RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("tiff-deflate", "RGB", "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("tiff-packbits", "L", "TIFF", {"compression": "packbits"}),
        ("bmp", "RGB", "BMP", {}),
        ("bmp-palette", "P", "BMP", {}),
    ]
    return {name: (encode(picture(mode), form, **options), CONTENT_TYPES[form]) for name, mode, form, options in wanted}


def segment(marker: int, payload: bytes) -> bytes:
    """One segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def insert_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    """Put a segment right behind the start of a JPEG."""
    return jpeg[:2] + segment(marker, payload) + jpeg[2:]


def in_scans(count: int) -> bytes:
    """The structure of a progressive JPEG in 4 to 66 scans; what they hold is no picture."""
    jpeg = valid_files()["jpeg-progressive"][0]
    luminance = [(1, k, k) for k in range(1, count - 3)] + [(1, count - 3, 63)]
    bands = [*luminance, (2, 1, 63), (3, 1, 63)]
    headers = [bytes([3, 1, 0, 2, 0, 3, 0, 0, 0, 0]), *(bytes([1, name, 0, *band, 0]) for name, *band in bands)]
    scans = b"".join(segment(0xDA, header) + bytes(40) for header in headers)
    return jpeg[: find_marker(jpeg, 0xDA)] + scans + b"\xff\xd9"


def find_marker(jpeg: bytes, marker: int) -> int:
    """Offset of the first segment with this marker; the headers of the files made here hold no other 0xff."""
    return jpeg.index(bytes([0xFF, marker]))


def chunk(name: bytes, payload: bytes) -> bytes:
    """One chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, payload) for name, payload in chunks)


def png_header(width: int, height: int, *, depth: int = 8, colour: int = 2, interlace: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def png_of(
    rows: Iterable[bytes], width: int, height: int, *, extra: Iterable[tuple[bytes, bytes]] = (), **header: int
) -> bytes:
    """A PNG of unfiltered rows; `extra` chunks come before the pixels."""
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    return png(png_header(width, height, **header), *extra, (b"IDAT", packed), (b"IEND", b""))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP of these chunks."""
    body = b"".join(
        name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2) for name, payload in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_chunk(webp: bytes, name: bytes) -> bytes:
    """Payload of the first chunk of that name."""
    at = webp.index(name, 12)
    (size,) = struct.unpack_from("<I", webp, at + 4)
    return webp[at + 8 : at + 8 + size]


def vp8x(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes([flags, 0, 0, 0]) + size


Tags = dict[int, tuple[int, tuple[int, ...]]]
"""TIFF tag -> (3 for SHORT or 4 for LONG, its values)."""


Changes = dict[str, tuple[int, ...] | None]


def tiff_tags(width: int, height: int, size: int, changes: Changes) -> Tags:
    """The directory of an uncompressed 8-bit grey picture in one strip at offset 8; `changes` by name, None removes."""
    names = {
        "subfile": 254, "old_subfile": 255,
        "width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262, "fill_order": 266,
        "offsets": 273, "orientation": 274, "samples": 277, "rows": 278, "counts": 279, "planar": 284,
        "predictor": 317, "colour_map": 320, "tile_width": 322, "tile_height": 323, "tile_offsets": 324,
        "tile_counts": 325, "ink_set": 332, "extra": 338, "sample_format": 339,
    }  # fmt: skip
    values: Changes = {
        "width": (width,), "height": (height,), "bits": (8,), "compression": (1,), "photometric": (1,),
        "offsets": (8,), "samples": (1,), "rows": (height,), "counts": (size,), **changes,
    }  # fmt: skip
    longs = {
        "subfile", "width", "height", "offsets", "rows", "counts", "tile_width", "tile_height", "tile_offsets",
        "tile_counts",
    }  # fmt: skip
    return {
        names[name]: (4 if name in longs else 3, value)
        for name, value in sorted(values.items(), key=lambda item: names[item[0]])
        if value is not None
    }


def tiff(data: bytes, tags: Tags, *, order: str = "<", following: int = 0) -> bytes:
    """A TIFF with the pixel data at offset 8 and one directory behind it."""
    start = 8 + len(data)
    place = start + 2 + 12 * len(tags) + 4
    entries, outside = b"", b""
    for tag, (kind, values) in tags.items():
        raw = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        entries += struct.pack(order + "HHI", tag, kind, len(values))
        if len(raw) <= 4:
            entries += raw.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", place + len(outside))
            outside += raw
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    return magic + data + struct.pack(order + "H", len(tags)) + entries + struct.pack(order + "I", following) + outside


def bmp(
    width: int,
    height: int,
    *,
    depth: int = 24,
    compression: int = 0,
    planes: int = 1,
    header: int = 40,
    colours: int = 0,
    offset: int | None = None,
    body: bytes = b"",
) -> bytes:
    """A BMP with a header of `header` bytes and `body` behind it (palette and pixels)."""
    fields = struct.pack("<IiiHHIIiiII", header, width, height, planes, depth, compression, 0, 0, 0, colours, 0)
    fields = fields[:header].ljust(header, b"\0")
    start = 14 + header if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(fields) + len(body), 0, 0, start) + fields + body
