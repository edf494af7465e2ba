"""WebP: mutations of its chunks, of the headers inside them, and of the coded pixels behind those."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.fuzz.metadata import exif_block, icc_profile
from tests.fuzz.values import mangle, mutated, noise, number, rearrange

_NAMES = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ", b"JUNK")
_PICTURES = (b"VP8 ", b"VP8L")


@dataclass
class Chunk:
    """One chunk; `size` is set where it shall lie about it."""

    name: bytes
    payload: bytes
    size: int | None = None


@dataclass
class Webp:
    """A file: its chunks, the size that it says it has, and what follows them."""

    chunks: list[Chunk]
    size: int | None = None
    end: bytes = b""

    def first(self, *names: bytes) -> Chunk | None:
        """The first chunk of one of these names."""
        return next((each for each in self.chunks if each.name in names), None)


def parse(data: bytes) -> Webp:
    """Take a sound file apart."""
    chunks, position = [], 12
    while position < len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        chunks.append(Chunk(data[position : position + 4], data[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    return Webp(chunks)


def join(webp: Webp) -> bytes:
    """Write the file."""
    body = bytearray(b"WEBP")
    for each in webp.chunks:
        size = len(each.payload) if each.size is None else each.size
        body += each.name + size.to_bytes(4, "little") + each.payload + b"\0" * (len(each.payload) % 2)
    size = len(body) if webp.size is None else webp.size
    return b"RIFF" + size.to_bytes(4, "little") + body + webp.end


def _picture(webp: Webp) -> tuple[Chunk | None, bytearray]:
    found = webp.first(*_PICTURES)
    return found, bytearray(found.payload if found is not None else b"")


def _frame(webp: Webp) -> tuple[int, int] | None:
    """Width and height of the picture, minus one each."""
    found, data = _picture(webp)
    if found is None or len(data) < 10:
        return None
    if found.name == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return bits & 0x3FFF, bits >> 14 & 0x3FFF
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return max(width, 1) - 1, max(height, 1) - 1


def picture_header(random: Random, webp: Webp) -> None:
    """The header of the picture, lossy or lossless."""
    found, data = _picture(webp)
    if found is not None and len(data) >= 40:
        (_lossless_header if found.name == b"VP8L" else _lossy_header)(random, data)
        found.payload = bytes(data)


def _lossy_header(random: Random, data: bytearray) -> None:
    """The frame tag (key frame, version, size of the first partition), the size, or the first bits of the coder."""
    match random.randrange(5):
        case 0:
            tag = int.from_bytes(data[:3], "little")
            size = number(random, 19, near=tag >> 5)
            data[:3] = (size << 5 | tag & 31).to_bytes(3, "little")
        case 1:
            data[0] = data[0] & 0xE0 | random.randrange(16) << 1 | (random.random() < 0.1)
        case 2:
            at = random.choice((6, 8))
            side = random.choice((number(random, 16, near=data[at]), random.randint(32, 100)))
            data[at : at + 2] = side.to_bytes(2, "little")
        case _:
            data[random.randrange(10, 40)] = random.randrange(256)


def _lossless_header(random: Random, data: bytearray) -> None:
    """The size, the version, or the bits that name transforms, colour cache and Huffman codes."""
    if random.random() < 0.3:
        bits = int.from_bytes(data[1:5], "little")
        shift = random.choice((0, 14))
        bits = bits & ~(0x3FFF << shift) | number(random, 14, near=bits >> shift & 0x3FFF) << shift
        data[1:5] = bits.to_bytes(4, "little")
    else:
        data[random.randrange(4, 30)] = random.randrange(256)


def coded(random: Random, webp: Webp) -> None:
    """Damage in the coded picture, or noise behind its header."""
    found, data = _picture(webp)
    if found is None or len(data) < 20:
        return
    at = random.randrange(10, len(data))
    found.payload = random.choice(
        (
            bytes(data[:10]) + mangle(random, bytes(data[10:])),
            bytes(data[:10]) + mangle(random, bytes(data[10:])),
            bytes(data[:at]) + noise(random, len(data) - at),
            bytes(data[:10]) + noise(random, random.choice((100, 4000))),
            bytes(data) + noise(random, 900),
        )
    )


def _canvas(webp: Webp, flags: int) -> bytes:
    width, height = _frame(webp) or (71, 55)
    return bytes([flags, 0, 0, 0]) + width.to_bytes(3, "little") + height.to_bytes(3, "little")


def extended(random: Random, webp: Webp) -> None:
    """The extended header: flags, canvas of the picture's size or another; added where there is none."""
    flags = random.choice((0, 0x10, 0x20, 0x30, 0x08, random.randrange(256)))
    payload = bytearray(_canvas(webp, flags))
    if random.random() < 0.3:
        at = random.choice((4, 7))
        payload[at : at + 3] = number(random, 24, near=payload[at]).to_bytes(3, "little")
    if random.random() < 0.05:
        payload = bytearray(mangle(random, bytes(payload)))
    found = webp.first(b"VP8X")
    if found is None:
        webp.chunks.insert(0, Chunk(b"VP8X", bytes(payload)))
    else:
        found.payload = bytes(payload)


def alpha(random: Random, webp: Webp) -> None:
    """Transparency: any compression, filter and preprocessing; damaged or noise; declared, most often."""
    found = webp.first(b"ALPH")
    width, height = _frame(webp) or (71, 55)
    body = found.payload[1:] if found is not None else noise(random, (width + 1) * (height + 1) % 100_000)
    if random.random() < 0.6:
        body = mangle(random, body)
    first = random.choice((0, 1, 4, 5, 8, 12, 0x10, random.randrange(256)))
    if found is None:
        found = Chunk(b"ALPH", b"")
        webp.chunks.insert(0, found)
        if random.random() < 0.9:
            webp.chunks.insert(0, Chunk(b"VP8X", _canvas(webp, 0x10)))
    found.payload = bytes([first]) + body


def metadata(random: Random, webp: Webp) -> None:
    """A colour profile or an EXIF block, before or behind the picture."""
    name, payload = random.choice(
        (
            (b"ICCP", icc_profile(random, b"RGB ")),
            (b"EXIF", exif_block(random)),
            (b"EXIF", b"Exif\0\0" + exif_block(random)),
        )
    )
    webp.chunks.insert(random.randrange(len(webp.chunks) + 1), Chunk(name, payload))


def animation(random: Random, webp: Webp) -> None:
    """The picture as a frame of an animation, or beside one."""
    found, data = _picture(webp)
    if found is None:
        return
    whole = found.name + len(data).to_bytes(4, "little") + bytes(data)
    frame = Chunk(b"ANMF", noise(random, 6) + _canvas(webp, 0)[4:] + noise(random, 4) + whole)
    webp.chunks = [Chunk(b"VP8X", _canvas(webp, 2)), Chunk(b"ANIM", noise(random, 6)), frame]


def any_chunk(random: Random, webp: Webp) -> None:
    """A chunk or the file that lies about its size, a chunk of another name, an end that is none."""
    if not webp.chunks:
        return
    each = random.choice(webp.chunks)
    match random.randrange(4):
        case 0:
            each.size = number(random, 32, near=len(each.payload))
        case 1:
            webp.size = number(random, 32, near=len(join(webp)) - 8)
        case 2:
            each.name = random.choice((*_NAMES, random.randbytes(4)))
        case 3:
            webp.end = noise(random, random.randrange(1, 30))


_MUTATIONS = (
    (9, picture_header), (10, coded), (3, extended), (6, alpha), (4, metadata), (1, animation),
    (2, any_chunk),
)  # fmt: skip


def mutate(random: Random, data: bytes, other: bytes) -> bytes:
    """A structure-aware mutation of one sound WebP, sometimes with chunks of another."""
    webp = mutated(random, parse(data), _MUTATIONS)
    if random.random() < 0.1:
        rearrange(random, webp.chunks, parse(other).chunks)
    return join(webp)
