"""JPEG (ITU-T T.81): baseline, extended sequential and progressive, 8 bits, Huffman coded.

libjpeg fills what is missing with grey and only warns, and Pillow does not even see the warning. So a file is refused
without its end marker, without a scan for every coefficient and with other restart markers than it must have; and the
stream for Pillow is arranged so that a scan which is too short cannot pass (see `_streams`), nor one that is too long
(see `tail`; not in progressive files, in files of several scans, and before a restart marker). What no one can detect
is damage that leaves the amount of data right: a JPEG has no checksum.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dermoscopy.colour import adobe_rgb_profile
from dermoscopy.containers import exif
from dermoscopy.containers.container import Container
from dermoscopy.containers.restarts import MARKERS as RESTARTS
from dermoscopy.containers.restarts import Restarts, with_noise
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits

MAGIC = b"\xff\xd8\xff"

_SOI, _EOI, _SOS, _DHT, _DRI, _TEM = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD, 0x01
_APP0, _APP1, _APP2, _APP14, _APP15, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), (0xC2,)
# Every start of frame; 0xC4 (Huffman tables), 0xC8 (reserved) and 0xCC (arithmetic conditioning) lie between them.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_FILL_AND_MARKER = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xfe]")
# Encoders write about ten scans. Every scan of a progressive file walks all coefficients, so thousands of them are an
# attack on time.
_MOST_SCANS = 64
# For the same reason: scans times pixels, in times the most pixels that a picture may have.
_MOST_SCANNED = 16
# A profile of printers takes about 70, large metadata and previews some hundreds more. Millions of empty ones fit into
# a file, and cost seconds.
_MOST_SEGMENTS = 4_000
# Eight bytes 0xff of entropy-coded data: as much as libjpeg reads ahead (its bit buffer has 64 bits). No Huffman table
# may hold a code of ones only, so a symbol read from here takes 17 bits, and no more than two blocks of 8x8 pixels come
# out of it: a cut in the last few bytes may damage the last corner of the picture and nothing else.
READ_AHEAD = b"\xff\x00" * 8
# As many bytes may come behind the last pixel: some encoders fill up words, or write a few too many.
_SPARE = 32
# Entropy-coded data without order, and without 0xff.
_NOISE = bytes((k * 89 + 90) % 255 for k in range(127))


class _Component(NamedTuple):
    horizontal: int
    vertical: int


@dataclass
class _Walk:
    """What has been learned from the markers so far."""

    width: int = 0
    height: int = 0
    progressive: bool = False
    components: dict[int, _Component] = field(default_factory=dict)
    # component -> for each of the 64 coefficients the number of low bits still missing, or None if it never came
    missing_bits: dict[int, list[int | None]] = field(default_factory=dict)
    restart_interval: int = 0
    scans: int = 0
    adobe: bool = False
    huffman: bool = False
    exif: bytes = b""
    profile: dict[int, bytes] = field(default_factory=dict)
    profile_parts: int = 0
    kept: list[bytes] = field(default_factory=list)


def _corrupt(what: str) -> CorruptImage:
    return CorruptImage(f"The JPEG is damaged or incomplete: {what}.")


Segment = tuple[int, int, bytes]
"""Marker, its offset behind any fill bytes, payload."""


def segments(data: bytes) -> Iterator[Segment]:
    """Yield every segment up to the end marker; of the entropy-coded data of a scan only the restart markers."""
    position = 2
    for _ in range(_MOST_SEGMENTS):
        if data[position : position + 1] != b"\xff":
            raise _corrupt("a marker is missing")
        begun = _FILL_AND_MARKER.match(data, position)
        if begun is None:
            raise _corrupt("it has no end marker")
        marker = begun[1][0]
        position = begun.end()
        start = position - 2
        if marker == _EOI:
            yield marker, start, b""
            return
        if marker == _TEM:
            continue
        if marker in {0x00, _SOI} or marker in RESTARTS:
            raise _corrupt("a marker is out of place")
        length = int.from_bytes(data[position : position + 2], "big")
        payload = data[position + 2 : position + length]
        if length < 2 or len(payload) != length - 2:
            raise _corrupt("a segment is cut short")
        yield marker, start, payload
        position += length
        if marker == _SOS:
            position = yield from _restarts(data, position)
    raise UnsupportedImageType(f"JPEGs with more than {_MOST_SEGMENTS} segments are not read.")


def _restarts(data: bytes, position: int) -> Generator[Segment, None, int]:
    """Yield the restart markers of the scan whose data begins at `position`, and return where the scan ends."""
    for found in _MARKER_IN_SCAN.finditer(data, position):
        marker = found[0][1]
        if marker not in RESTARTS:
            return found.start()
        yield marker, found.start(), b""
    raise _corrupt("it has no end marker")


def _frame(walk: _Walk, marker: int, payload: bytes, limits: Limits) -> None:
    if walk.components:
        raise _corrupt("it declares two pictures")
    if marker not in _SEQUENTIAL + _PROGRESSIVE:
        raise UnsupportedImageType("Lossless, hierarchical and arithmetic coded JPEGs are not read.")
    if len(payload) < 6 or len(payload) != 6 + 3 * payload[5]:
        raise _corrupt("its frame header has the wrong length")
    precision, height, width, count = struct.unpack_from(">BHHB", payload)
    limits.check_pixels(width, height)
    if precision != 8 or count not in (1, 3, 4):
        raise UnsupportedImageType("Only JPEGs with 8 bits and 1, 3 or 4 components are read.")
    for identifier, sampling, _table in struct.iter_unpack("BBB", payload[6:]):
        walk.components[identifier] = _Component(sampling >> 4, sampling & 15)
    if len(walk.components) != count or any(not 1 <= f <= 4 for c in walk.components.values() for f in c):
        raise _corrupt("its components are not valid")
    walk.width, walk.height, walk.progressive = width, height, marker in _PROGRESSIVE
    walk.missing_bits = {identifier: [None] * 64 for identifier in walk.components}


def _scan(walk: _Walk, payload: bytes, limits: Limits) -> list[int]:
    """Note which bits of which coefficients a scan brings, and return the identifiers of its components."""
    count = payload[0] if payload else 0
    if not walk.components or not 1 <= count <= 4 or len(payload) != 4 + 2 * count:
        raise _corrupt("a scan header is not valid")
    walk.scans += 1
    most = min(_MOST_SCANS, _MOST_SCANNED * limits.max_pixels // (walk.width * walk.height))
    if walk.scans > most:
        raise UnsupportedImageType(f"JPEGs of this size with more than {most} scans are not read.")
    first, last, high, low = payload[-3], payload[-2], payload[-1] >> 4, payload[-1] & 15
    if not walk.progressive:
        first, last, high, low = 0, 63, 0, 0
    identifiers = list(payload[1 : 1 + 2 * count : 2])
    if not first <= last <= 63 or not set(identifiers) <= walk.components.keys():
        raise _corrupt("a scan header is not valid")
    for identifier in identifiers:
        missing = walk.missing_bits[identifier]
        # T.81 section G.1.1.1: bits come once and from the highest on. libjpeg only warns, and reads another picture.
        if set(missing[first : last + 1]) != {high or None}:
            raise _corrupt("a part of the picture comes twice, or too early")
        missing[first : last + 1] = [low] * (last + 1 - first)
    return identifiers


def _units(walk: _Walk, identifiers: list[int]) -> int:
    """How many units (MCU) a scan of these components has (T.81 section A.2)."""
    widest = max(c.horizontal for c in walk.components.values())
    tallest = max(c.vertical for c in walk.components.values())
    if len(identifiers) == 1:
        only = walk.components[identifiers[0]]
        across = -(-walk.width * only.horizontal // (8 * widest))
        down = -(-walk.height * only.vertical // (8 * tallest))
    else:
        across, down = -(-walk.width // (8 * widest)), -(-walk.height // (8 * tallest))
    return across * down


def _keep(walk: _Walk, marker: int, payload: bytes) -> None:
    """Keep a segment before the first scan if it decides about the pixels; of the metadata take only what is used."""
    if marker == _APP1 and payload.startswith(b"Exif\0\0") and not walk.exif:
        walk.exif = payload[6:]
    elif marker == _APP2 and payload.startswith(b"ICC_PROFILE\0"):
        if len(payload) < 14 or payload[12] in walk.profile:
            raise _corrupt("its colour profile is not whole")
        walk.profile[payload[12]] = payload[14:]
        walk.profile_parts = payload[13]
    # JFIF and Adobe say which colours the components are.
    jfif = marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14
    adobe = marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12
    walk.adobe = walk.adobe or adobe
    if jfif or adobe or not (_APP0 <= marker <= _APP15 or marker == _COM):
        walk.kept.append(b"\xff" + bytes([marker]) + (len(payload) + 2).to_bytes(2, "big") + payload)


def _profile(walk: _Walk) -> bytes | None:
    if not walk.profile:
        # Cameras that are set to Adobe RGB embed no profile: readers shall know it by its name (DCF 2.0).
        return adobe_rgb_profile() if len(walk.components) != 4 and exif.is_adobe_rgb(walk.exif) else None
    if sorted(walk.profile) != list(range(1, walk.profile_parts + 1)):
        raise _corrupt("its colour profile is not whole")
    return b"".join(part for _, part in sorted(walk.profile.items()))


def _check_whole(walk: _Walk) -> None:
    if not walk.scans:
        raise _corrupt("it holds no picture")
    # libjpeg would take the tables of Motion JPEG instead.
    if not walk.huffman:
        raise _corrupt("it has no Huffman tables")
    if any(bits != 0 for coefficients in walk.missing_bits.values() for bits in coefficients):
        raise _corrupt("a part of the picture is missing")
    if len(walk.components) == 4 and not walk.adobe:
        raise UnsupportedImageType("A CMYK JPEG without an Adobe marker does not say whether its colours are inverted.")


def _streams(walk: _Walk, data: bytes, scans: list[tuple[int, int]], *, restarts: bool) -> tuple[bytes, bytes | None]:
    """Build the stream for Pillow and, if that alone does not reveal a short scan, a witness (see `Container`).

    A picture in one scan is given without end marker: libjpeg decodes all rows if it has the data for them, and else
    asks for more, which Pillow reports. With several scans libjpeg insists on the end marker, and would fill a short
    scan from it; the witness has noise there, which changes the pixels only if the data before it was short. So it has
    at the end of every restart interval.
    """
    start = b"".join([b"\xff\xd8", *walk.kept])
    first, last = scans[0][0], scans[-1][1]
    if not walk.progressive and len(scans) == 1:
        scan = data[first:last]
        witness = b"".join([start, with_noise(scan), READ_AHEAD]) if restarts else None
        return b"".join([start, scan, READ_AHEAD]), witness
    noisy = [start]
    position = first
    for begin, end in scans:
        # A fill byte at the end would make a marker of the noise.
        scan = data[begin:end].rstrip(b"\xff")
        noisy += [data[position:begin], with_noise(scan) if restarts else scan, _NOISE]
        position = end
    return b"".join([start, data[first:last], b"\xff\xd9"]), b"".join([*noisy, b"\xff\xd9"])


def tail(coded: bytes) -> int:
    """How many bytes at the end of a stream are needed for its last pixels (see `Container`).

    Bytes too many in the middle of a scan shift and discolour all that follows, and libjpeg, once it has its last row,
    only warns of the rest. Where encoders pad the data with one byte, or with ones, the padding is not counted.

    Args:
        coded: Entropy-coded data of the only scan; in the stream `READ_AHEAD` follows it.
    """
    padding = len(coded) - len(coded.rstrip(coded[-1:] + b"\xff\0"))
    return len(READ_AHEAD) + min(len(coded), padding + _SPARE)


def _tail(walk: _Walk, data: bytes, scans: list[tuple[int, int]]) -> int:
    if walk.progressive or len(scans) > 1:
        return 0
    begin, end = scans[0]
    return tail(data[begin + 2 + int.from_bytes(data[begin + 2 : begin + 4], "big") : end])


def inspect(data: bytes, limits: Limits) -> Container:
    """Walk a JPEG from its start marker to the first end marker.

    What follows the end marker is ignored: cameras append previews and depth maps there (MPO, CIPA DC-007, whose
    first picture is by definition the primary one).

    Args:
        data: The file; it begins with `MAGIC`.
        limits: Checked as soon as the size is known.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    walk = _Walk()
    scans: list[tuple[int, int]] = []
    begun: int | None = None
    restarts = Restarts()
    for marker, offset, payload in segments(data):
        if marker in RESTARTS:
            restarts.add(marker, offset)
            continue
        if begun is not None:
            restarts.end(data, offset)
            scans.append((begun, offset))
            begun = None
        if marker == _SOS:
            restarts.begin(_units(walk, _scan(walk, payload, limits)), walk.restart_interval)
            begun = offset
        elif marker in _FRAMES:
            _frame(walk, marker, payload, limits)
        elif marker == _DHT:
            walk.huffman = True
        elif marker == _DRI and len(payload) == 2:
            walk.restart_interval = int.from_bytes(payload, "big")
        if not walk.scans:
            _keep(walk, marker, payload)
    _check_whole(walk)
    stream, witness = _streams(walk, data, scans, restarts=restarts.count > 0)
    turned = exif.orientation(walk.exif)
    size, needed = (walk.width, walk.height), _tail(walk, data, scans)
    return Container("JPEG", "image/jpeg", *size, stream, turned, _profile(walk), witness, needed)
