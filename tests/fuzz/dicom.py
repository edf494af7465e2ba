"""DICOM: mutations of data elements, of the description of the pixels, and of the coded frame inside."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from random import Random

from dermoscopy.dicom import syntaxes
from tests.fuzz import jpeg_scans
from tests.fuzz.metadata import icc_profile
from tests.fuzz.values import mangle, mutated, noise, number, rearrange

_PREAMBLE = 132
_UNDEFINED = 0xFFFFFFFF
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OV")
_PIXELS, _SYNTAX = 0x7FE00010, b"\x02\0\x10\0UI"
_ROWS, _COLUMNS, _FRAMES, _PHOTOMETRIC, _SAMPLES, _PLANAR = (
    0x00280010, 0x00280011, 0x00280008, 0x00280004, 0x00280002, 0x00280006
)  # fmt: skip
_ALLOCATED, _STORED, _HIGH, _PROFILE = 0x00280100, 0x00280101, 0x00280102, 0x00282000
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_INTERPRETATIONS = (
    b"RGB ", b"YBR_FULL", b"YBR_FULL_422", b"YBR_RCT ", b"YBR_ICT ", b"MONOCHROME1 ", b"MONOCHROME2 ", b"PALETTE COLOR "
)  # fmt: skip


@dataclass
class Element:
    """One data element; of undefined length `value` has its items and their delimiter."""

    tag: int
    vr: bytes
    value: bytes
    undefined: bool = False

    @property
    def bytes(self) -> bytes:
        head = struct.pack("<HH", self.tag >> 16, self.tag & 0xFFFF) + self.vr
        length = _UNDEFINED if self.undefined else len(self.value)
        if self.vr in _LONG:
            return head + struct.pack("<HI", 0, length) + self.value
        return head + struct.pack("<H", length & 0xFFFF) + self.value


@dataclass
class Dicom:
    """Preamble with file meta information, and the data set; what is not explicit little endian is not taken apart."""

    head: bytearray
    elements: list[Element]
    rest: bytes = b""
    deflated: bool = False

    def get(self, tag: int) -> Element | None:
        return next((each for each in self.elements if each.tag == tag), None)

    def set(self, tag: int, value: int) -> None:
        """Sets a number of 16 bits, if there is one."""
        found = self.get(tag)
        if found is not None:
            found.value = struct.pack("<H", value & 0xFFFF)


def _meta_end(data: bytes) -> int:
    at = _PREAMBLE
    while data[at : at + 2] == b"\x02\0":
        long = data[at + 4 : at + 6] in _LONG
        (size,) = struct.unpack_from("<I" if long else "<H", data, at + (8 if long else 6))
        at += (12 if long else 8) + size
    return at


def parse(data: bytes) -> Dicom:
    """Takes a sound file apart."""
    at = _meta_end(data)
    dicom, body = Dicom(bytearray(data[:at]), []), data[at:]
    if syntaxes.DEFLATED.encode() in dicom.head:
        dicom.deflated, body = True, zlib.decompress(body, -zlib.MAX_WBITS)
    elif syntaxes.BIG_ENDIAN.encode() + b"\0" in dicom.head or syntaxes.IMPLICIT.encode() + b"\0" in dicom.head:
        dicom.rest = body
        return dicom
    at = 0
    while at < len(body):
        group, element = struct.unpack_from("<HH", body, at)
        vr = body[at + 4 : at + 6]
        long = vr in _LONG
        (size,) = struct.unpack_from("<I" if long else "<H", body, at + (8 if long else 6))
        start = at + (12 if long else 8)
        undefined = long and size == _UNDEFINED
        # Only the pixels of these files are of undefined length, and they come last.
        at = len(body) if undefined else start + size
        dicom.elements.append(Element(group << 16 | element, vr, body[start:at], undefined))
    return dicom


def join(dicom: Dicom) -> bytes:
    """The file again; deflated by another program, if it is."""
    body = b"".join(each.bytes for each in dicom.elements) + dicom.rest
    if dicom.deflated:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = packer.compress(body) + packer.flush()
    return bytes(dicom.head) + body


def new_picture(random: Random, dicom: Dicom) -> None:
    """Another size, depth and interpretation, with as many native pixels as that takes, or nearly."""
    pixels = dicom.get(_PIXELS)
    photometric, planar = dicom.get(_PHOTOMETRIC), dicom.get(_PLANAR)
    if pixels is None or pixels.undefined or photometric is None:
        frame(random, dicom)
        return
    rows, columns = random.choice((32, 33, 57, 300)), random.choice((32, 40, 71, 500))
    allocated = random.choice((8, 8, 16))
    stored = random.choice((allocated, allocated, random.randint(1, allocated)))
    samples = 1 if planar is None else 3
    if samples == 3:
        photometric.value = random.choice(_INTERPRETATIONS[:3])
        dicom.set(_PLANAR, random.randrange(2))
    for tag, value in (
        (_ROWS, rows), (_COLUMNS, columns), (_ALLOCATED, allocated), (_STORED, stored), (_HIGH, stored - 1)
    ):  # fmt: skip
        dicom.set(tag, value)
    each = 2 if photometric.value == b"YBR_FULL_422" else samples
    size = rows * columns * each * allocated // 8
    pixels.vr = b"OW" if allocated == 16 else b"OB"
    pixels.value = noise(random, size + size % 2)


def field(random: Random, dicom: Dicom) -> None:
    """A number of the description, near its old value or at a border."""
    numbers = [each for each in dicom.elements if each.vr == b"US" and len(each.value) == 2]
    if numbers:
        found = random.choice(numbers)
        found.value = number(random, 16, near=int.from_bytes(found.value, "little")).to_bytes(2, "little")
    else:
        dicom.rest = mangle(random, dicom.rest)


def interpretation(random: Random, dicom: Dicom) -> None:
    """Other colours, or more frames, than there are."""
    photometric = dicom.get(_PHOTOMETRIC)
    if photometric is not None and random.random() < 0.7:
        photometric.value = random.choice(_INTERPRETATIONS)
    else:
        dicom.elements.append(Element(_FRAMES, b"IS", random.choice((b"1 ", b"2 ", b"99", b"-1", b"4294967295  "))))
        dicom.elements.sort(key=lambda each: each.tag)


def frame(random: Random, dicom: Dicom) -> None:
    """Damage in the coded frame, of which the fragment says the right length again."""
    pixels = dicom.get(_PIXELS)
    if pixels is None or not pixels.undefined or len(pixels.value) < 24:
        native_pixels(random, dicom)
        return
    (table,) = struct.unpack_from("<I", pixels.value, 4)
    start = 8 + table
    (size,) = struct.unpack_from("<I", pixels.value, start + 4)
    coded = pixels.value[start + 8 : start + 8 + size]
    try:
        jpeg = coded.startswith(b"\xff\xd8\xff\xe0") and random.random() < 0.8
        damaged = jpeg_scans.mutate(random, coded, coded) if jpeg else None
    except (struct.error, ValueError, IndexError):
        damaged = None  # by another mutation, so that it cannot be taken apart
    if damaged is not None:
        coded = damaged
    else:
        for _ in range(random.choice((1, 1, 2, 8))):
            at = random.randrange(len(coded))
            coded = random.choice((mangle(random, coded), coded[:at] + noise(random, 4) + coded[at + 4 :]))
    if random.random() < 0.5 and coded[-2:] != b"\xff\xd9" and not coded.startswith(b"\3\0\0\0"):
        coded += b"\xff\xd9"
    coded += b"\0" * (len(coded) % 2)
    item = b"\xfe\xff\0\xe0" + struct.pack("<I", len(coded)) + coded
    pixels.value = pixels.value[:start] + item + _END


def native_pixels(random: Random, dicom: Dicom) -> None:
    """Damage in what is not taken apart, or in the pixels of what is not coded."""
    pixels = dicom.get(_PIXELS)
    if dicom.rest:
        dicom.rest = mangle(random, dicom.rest)
    elif pixels is not None and not pixels.undefined:
        pixels.value = random.choice((mangle(random, pixels.value), noise(random, len(pixels.value))))
    else:
        field(random, dicom)


def sequence(random: Random, dicom: Dicom) -> None:
    """Items within items in front of the pixels, closed or not."""
    deep = random.choice((1, 2, 5, 40))
    inside = b"\x40\0\x55\x05SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * deep
    closed = (b"\xfe\xff\x0d\xe0\0\0\0\0" + _END) * random.choice((deep, deep, deep, deep - 1, deep + 1))
    dicom.elements.append(
        Element(0x00400555, b"SQ", b"\xfe\xff\0\xe0\xff\xff\xff\xff" + inside + closed + closed[:8] + _END, True)
    )
    dicom.elements.sort(key=lambda each: each.tag)


def profile(random: Random, dicom: Dicom) -> None:
    """A colour profile, sound or not."""
    data = icc_profile(random)
    dicom.elements.append(Element(_PROFILE, b"OB", data + b"\0" * (len(data) % 2)))
    dicom.elements.sort(key=lambda each: each.tag)


def syntax(random: Random, dicom: Dicom) -> None:
    """Another transfer syntax than the pixels have, of the same length."""
    at = dicom.head.find(_SYNTAX)
    size = dicom.head[at + 6]
    uid = random.choice(sorted(syntaxes.SYNTAXES)).encode().ljust(size, b"\0")
    if len(uid) == size:
        dicom.head[at + 8 : at + 8 + size] = uid


def any_element(random: Random, dicom: Dicom) -> None:
    """One dropped, repeated, moved, or with another value."""
    if random.random() < 0.5:
        rearrange(random, dicom.elements, [])
    elif dicom.elements:
        found = random.choice(dicom.elements[-12:])
        found.value = mangle(random, found.value)


_MUTATIONS = (
    (6, new_picture), (3, field), (2, interpretation), (9, frame), (4, native_pixels), (1, sequence), (2, profile),
    (1, syntax), (2, any_element),
)  # fmt: skip


def mutate(random: Random, data: bytes, other: bytes) -> bytes:
    """A structure-aware mutation of one sound object, sometimes with the pixels of another."""
    dicom = mutated(random, parse(data), _MUTATIONS)
    if random.random() < 0.05:
        taken = parse(other).get(_PIXELS)
        if taken is not None:
            dicom.elements = [each for each in dicom.elements if each.tag != _PIXELS] + [taken]
    return join(dicom)
