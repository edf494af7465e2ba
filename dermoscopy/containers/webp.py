"""WebP (RFC 9649): still pictures, lossy (VP8) and lossless (VP8L), with or without alpha.

The sizes are read here because Pillow's decoder allocates its canvas when it is created.
"""

from __future__ import annotations

from collections.abc import Iterator

from dermoscopy.containers import exif
from dermoscopy.containers.container import Container
from dermoscopy.errors import AnimatedImage, CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits

MAGIC = b"RIFF"

# Flags of the VP8X chunk (RFC 9649 section 2.7).
_ANIMATION, _ALPHA = 0x02, 0x10
# libwebp's animation decoder, the one that Pillow uses, holds two canvases and a copy of the picture: 17 bytes of
# memory per pixel (measured), twice what the other formats take.
_WEIGHT = 2
_VP8L_SIGNATURE = 0x2F
_VP8_START_CODE = b"\x9d\x01\x2a"
_FOURTEEN_BITS = 0x3FFF
# A still picture has six at most, beside unknown ones. Millions of empty ones fit into a file, and cost seconds.
_MOST_CHUNKS = 1_000


def matches(data: bytes) -> bool:
    """Tell a WebP from the other kinds of RIFF file (sound, video)."""
    return data.startswith(MAGIC) and data[8:12] == b"WEBP"


def _corrupt(what: str) -> CorruptImage:
    return CorruptImage(f"The WebP is damaged or incomplete: {what}.")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield (name, payload, whole chunk with its padding) of every chunk that the RIFF size covers."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) or end < 20:
        raise _corrupt("it ends too early")
    position, count = 12, 0
    while position < end:
        count += 1
        if count > _MOST_CHUNKS:
            raise UnsupportedImageType(f"WebPs with more than {_MOST_CHUNKS} chunks are not read.")
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        after = position + 8 + size
        if position + 8 > end or after > end:
            raise _corrupt("it ends too early")
        payload = data[position + 8 : after]
        yield data[position : position + 4], payload, data[position:after] + b"\0" * (size % 2)
        position = after + size % 2


def _canvas(payload: bytes) -> tuple[int, int]:
    if len(payload) != 10:
        raise _corrupt("its header has the wrong length")
    return int.from_bytes(payload[4:7], "little") + 1, int.from_bytes(payload[7:10], "little") + 1


def _frame_size(name: bytes, payload: bytes) -> tuple[int, int]:
    if name == b"VP8L":
        if len(payload) < 5 or payload[0] != _VP8L_SIGNATURE:
            raise _corrupt("its picture has no header")
        bits = int.from_bytes(payload[1:5], "little")
        return (bits & _FOURTEEN_BITS) + 1, (bits >> 14 & _FOURTEEN_BITS) + 1
    # The lowest bit of the frame tag is 0 for a key frame, the only kind that a still picture has.
    if len(payload) < 10 or payload[3:6] != _VP8_START_CODE or payload[0] & 1:
        raise _corrupt("its picture has no header")
    width, height = int.from_bytes(payload[6:8], "little"), int.from_bytes(payload[8:10], "little")
    return width & _FOURTEEN_BITS, height & _FOURTEEN_BITS


def inspect(data: bytes, limits: Limits) -> Container:
    """Walk the chunks of a WebP.

    Args:
        data: The file; `matches` is true of it.
        limits: Checked against the canvas and against the picture on it.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    found: dict[bytes, bytes] = {}
    picture: tuple[bytes, bytes, bytes] | None = None
    for name, payload, whole in _chunks(data):
        if name in {b"ANIM", b"ANMF"} or (name == b"VP8X" and payload[:1] and payload[0] & _ANIMATION):
            raise AnimatedImage("The WebP is animated; one still picture is needed.")
        if name == b"VP8X":
            limits.check_pixels(*_canvas(payload), weight=_WEIGHT)
        if name in {b"VP8 ", b"VP8L"}:
            if picture is not None:
                raise _corrupt("it holds two pictures")
            limits.check_pixels(*_frame_size(name, payload), weight=_WEIGHT)
            picture = name, payload, whole
        found.setdefault(name, payload if name != b"ALPH" else whole)
    if picture is None:
        raise _corrupt("it holds no picture")
    width, height = _frame_size(*picture[:2])
    if b"VP8X" in found and _canvas(found[b"VP8X"]) != (width, height):
        raise CorruptImage("The image declares two different sizes.")
    body = picture[2]
    if b"ALPH" in found and picture[0] == b"VP8 ":
        if not found.get(b"VP8X", b"\0")[0] & _ALPHA:
            raise _corrupt("its transparency is not declared")
        canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = b"VP8X\x0a\0\0\0" + bytes([_ALPHA, 0, 0, 0]) + canvas + found[b"ALPH"] + body
    stream = b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body
    upright = exif.orientation(found.get(b"EXIF", b"").removeprefix(b"Exif\0\0"))
    return Container("WEBP", "image/webp", width, height, stream, upright, found.get(b"ICCP"))
