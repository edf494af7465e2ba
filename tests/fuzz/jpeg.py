"""JPEG: the segments of a file, and mutations of its headers; those of tables and scans are in `jpeg_scans`."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from random import Random

from tests.fuzz.metadata import exif_block, icc_profile
from tests.fuzz.values import mangle, noise, number, rearrange

SOF0, SOF2, DHT, SOS, DQT, DRI = 0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_ENDS_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


@dataclass
class Segment:
    """One segment, and the entropy-coded data that follows it.

    Attributes:
        marker: Its second byte.
        payload: Without marker and length.
        coded: After a start of scan: the data with its stuffed bytes and restart markers.
        length: What it says of its length where that is a lie.
        fill: Bytes before the marker.
    """

    marker: int
    payload: bytes
    coded: bytes = b""
    length: int | None = None
    fill: bytes = b""

    @property
    def is_frame(self) -> bool:
        """Whether it is a start of frame."""
        return self.marker in range(0xC0, 0xD0) and self.marker not in {DHT, 0xC8, 0xCC}


@dataclass
class Jpeg:
    """A file: its segments, and what stands at the end."""

    segments: list[Segment]
    end: bytes = _EOI

    def frame(self) -> Segment | None:
        """The first start of frame whose payload is long enough to hold one."""
        return next((each for each in self.segments if each.is_frame and len(each.payload) >= 9), None)

    def all(self, marker: int) -> list[Segment]:
        """The segments with a marker."""
        return [each for each in self.segments if each.marker == marker]


def parse(data: bytes) -> Jpeg:
    """Take a sound file apart."""
    segments, position = [], 2
    while data[position : position + 2] != _EOI:
        (length,) = struct.unpack_from(">H", data, position + 2)
        segment = Segment(data[position + 1], data[position + 4 : position + 2 + length])
        position += 2 + length
        if segment.marker == SOS:
            found = _ENDS_SCAN.search(data, position)
            end = len(data) if found is None else found.start()
            segment.coded = data[position:end]
            position = end
        segments.append(segment)
    return Jpeg(segments, data[position:])


def join(jpeg: Jpeg) -> bytes:
    """Write the file."""
    parts = [_SOI]
    for each in jpeg.segments:
        length = len(each.payload) + 2 if each.length is None else each.length
        parts += [each.fill, b"\xff", bytes([each.marker]), (length & 0xFFFF).to_bytes(2, "big"), each.payload]
        parts.append(each.coded)
    return b"".join([*parts, jpeg.end])


def frame_size(random: Random, jpeg: Jpeg) -> None:
    """Another width or height, near the old ones more often than not: most others are refused for lack of data."""
    if (frame := jpeg.frame()) is not None:
        sides = list(struct.unpack_from(">HH", frame.payload, 1))
        which = random.randrange(2)
        sides[which] = random.choice((number(random, 16, near=sides[which]), random.randint(32, 128)))
        frame.payload = frame.payload[:1] + struct.pack(">HH", *sides) + frame.payload[5:]


def frame_components(random: Random, jpeg: Jpeg) -> None:
    """Other sampling factors, identifiers or quantization tables; components more or fewer; the frame is kept whole."""
    frame = jpeg.frame()
    if frame is None:
        return
    triples = [bytearray(frame.payload[at : at + 3]) for at in range(6, len(frame.payload), 3)]
    each = random.choice(triples)
    match random.randrange(5):
        case 0 | 1 if len(each) > 1:
            each[1] = random.choice((0x11, 0x12, 0x21, 0x22, 0x41, 0x14, 0x44, 0x13, 0x31, random.randrange(256)))
        case 2 if len(each) > 2:
            each[2] = random.choice((0, 1, 2, 3, random.randrange(256)))
        case 3:
            each[0] = random.choice((0, 1, 2, 3, ord("R"), ord("G"), 255))
        case _:
            triples = triples[:-1] if random.random() < 0.5 else [*triples, bytearray(each)]
    count = len(triples) if random.random() < 0.9 else number(random, 8, near=len(triples))
    frame.payload = frame.payload[:5] + bytes([count]) + b"".join(triples)


def frame_kind(random: Random, jpeg: Jpeg) -> None:
    """Another process (progressive, extended, lossless, arithmetic) or precision."""
    if (frame := jpeg.frame()) is not None:
        if random.random() < 0.7:
            frame.marker = random.choice((0xC0, 0xC1, 0xC1, 0xC2, 0xC2, random.randrange(0xC0, 0xD0)))
        else:
            frame.payload = bytes([number(random, 8, near=8)]) + frame.payload[1:]


def profile(random: Random, jpeg: Jpeg) -> None:
    """A colour profile, most often of the right colours, in one segment or several, in or out of order."""
    frame = jpeg.frame()
    count = frame.payload[5] if frame is not None else 3
    data = icc_profile(random, {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}.get(count))
    parts = random.choice((1, 1, 1, 2, 3)) if len(data) < 60_000 else 2
    step = len(data) // parts + 1
    segments = [
        Segment(_APP2, b"ICC_PROFILE\0" + bytes([index + 1, parts]) + data[index * step : (index + 1) * step])
        for index in range(parts)
    ]
    if random.random() < 0.15:
        rearrange(random, segments, segments)
    at = random.randrange(len(jpeg.segments) + 1) if random.random() < 0.1 else 0
    jpeg.segments[at:at] = segments


def application(random: Random, jpeg: Jpeg) -> None:
    """EXIF, JFIF, Adobe (which says how colours are coded), a comment, another APPn."""
    adobe = b"Adobe\0\x64\0\0\0\0" + bytes([random.choice((0, 1, 2, 2, 3, 255))])
    segment = random.choice(
        (
            Segment(_APP1, b"Exif\0\0" + exif_block(random)),
            Segment(_APP14, adobe),
            Segment(_APP0, b"JFIF\0\1\2" + noise(random, random.choice((7, 7, 3)))),
            Segment(random.randrange(0xE0, 0x100), noise(random, random.randrange(300))),
        )
    )
    jpeg.segments.insert(random.choice((0, 0, random.randrange(len(jpeg.segments) + 1))), segment)


def lie_of_length(random: Random, jpeg: Jpeg) -> None:
    """A segment says that it is longer or shorter than it is."""
    if jpeg.segments:
        each = random.choice(jpeg.segments)
        each.length = number(random, 16, near=len(each.payload) + 2)


def between(random: Random, jpeg: Jpeg) -> None:
    """Fill bytes, junk or a bare marker before a segment, and another end of the file."""
    if jpeg.segments and random.random() < 0.7:
        bare = bytes([0xFF, random.choice((0x01, 0xD0, 0xD7, 0xD8, 0xD9))])
        random.choice(jpeg.segments).fill = random.choice((b"\xff" * random.randint(1, 9), bare, noise(random, 3)))
    else:
        jpeg.end = random.choice((b"", b"\xff", _EOI * 2, _EOI + noise(random, 40), _EOI + join(jpeg)))


def any_payload(random: Random, jpeg: Jpeg) -> None:
    """Damage in a payload that knows nothing of what it means."""
    if jpeg.segments:
        each = random.choice(jpeg.segments)
        each.payload = mangle(random, each.payload)
