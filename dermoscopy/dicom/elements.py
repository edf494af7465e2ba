"""The data elements of a DICOM file (PS3.5 section 7, PS3.10 section 7): walked from end to end, bounded in number.

Values are not looked at here. A sequence of defined length is stepped over; one of undefined length has to be walked
to find its end, without recursion. Elements must come in ascending order, as the standard demands: a second element of
the same tag could otherwise say something else to the next reader.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from dermoscopy.dicom.syntaxes import BIG_ENDIAN, DEFLATED, IMPLICIT
from dermoscopy.errors import CorruptImage, TooManyBytes, UnsupportedImageType
from dermoscopy.limits import Limits

MAGIC = b"DICM"
PREAMBLE = 128

TRANSFER_SYNTAX = 0x00020010
PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

# Of all levels together: photographs have some hundreds, and one for each frame. Millions of empty ones fit in a file.
_MOST_ELEMENTS = 100_000
_DEEPEST = 32
_UNDEFINED = 0xFFFFFFFF
# PS3.5 section 7.1.2: every other value representation, future ones too, has a length of four bytes.
_SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())


class Element(NamedTuple):
    """One element: where its value is. `vr` is empty where the transfer syntax leaves it to the dictionary."""

    tag: int
    vr: bytes
    start: int
    end: int
    undefined: bool


@dataclass(frozen=True)
class DataSet:
    """The elements of a file that were asked for, and the bytes that they lie in.

    Attributes:
        data: The file, inflated if need be.
        order: Byte order, as `struct` names it.
        elements: By tag.
        syntax: UID of the transfer syntax.
    """

    data: bytes
    order: Literal["<", ">"]
    elements: dict[int, Element]
    syntax: str

    def value(self, tag: int) -> bytes | None:
        """The bytes of a value; None if there is no such element, or an empty one."""
        found = self.elements.get(tag)
        if found is None or found.start == found.end:
            return None
        return self.data[found.start : found.end]


def matches(data: bytes) -> bool:
    """Whether the bytes are a DICOM file. What its preamble pretends to be (a TIFF, a program) does not matter."""
    return data[PREAMBLE : PREAMBLE + 4] == MAGIC


def corrupt(what: str) -> CorruptImage:
    """The error of a DICOM file whose parts are not as they should be."""
    return CorruptImage(f"The DICOM object is damaged or incomplete: {what}.")


def read_elements(data: bytes, wanted: frozenset[int], limits: Limits) -> DataSet:
    """Walk a file from its preamble to its end.

    Args:
        data: The file; `matches` is true of it.
        wanted: Tags to keep.
        limits: A deflated data set may inflate to `max_bytes`.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    meta, at = _file_meta(data)
    syntax = _uid(data, meta)
    if syntax == DEFLATED:
        data, at = _inflated(data[at:], limits.max_bytes), 0
    order: Literal["<", ">"] = ">" if syntax == BIG_ENDIAN else "<"
    walk = _Walk(data, order, implicit=syntax == IMPLICIT)
    kept: dict[int, Element] = {}
    last = 0x0002FFFF
    for element in walk.elements(at):
        if element.tag <= last:
            raise corrupt("its elements are out of order")
        last = element.tag
        if element.tag in wanted:
            kept[element.tag] = element
    return DataSet(data, order, kept, syntax)


def _file_meta(data: bytes) -> tuple[Element, int]:
    """The element with the transfer syntax, and where the data set begins."""
    found: Element | None = None
    walk, at = _Walk(data, "<", implicit=False), PREAMBLE + 4
    while data[at : at + 2] == b"\x02\0":
        element = next(walk.elements(at))
        if element.tag == TRANSFER_SYNTAX:
            found = element
        at = element.end
    if found is None:
        raise corrupt("it does not name its transfer syntax")
    return found, at


def _uid(data: bytes, element: Element) -> str:
    return data[element.start : element.end].rstrip(b"\0 ").decode("ascii", "replace")


def _inflated(packed: bytes, most: int) -> bytes:
    """What a deflated data set holds, no more of it than `most` bytes."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflate.decompress(packed, most + 1)
    except zlib.error:
        raise corrupt("it cannot be inflated") from None
    if len(data) > most:
        raise TooManyBytes(f"The DICOM object inflates to more than {most} bytes.")
    if not inflate.eof:
        raise corrupt("it ends too early")
    return data


class _Walk:
    """Steps through elements and counts them."""

    def __init__(self, data: bytes, order: Literal["<", ">"], *, implicit: bool) -> None:
        self._data, self._order, self._implicit = data, order, implicit
        self._steps = 0

    def elements(self, at: int) -> Iterator[Element]:
        """Every element of the top level from `at` to the end of the data."""
        while at < len(self._data):
            tag, vr, start, length = self._header(at, implicit=self._implicit)
            if tag >> 16 == 0xFFFE:
                raise corrupt("an item is out of place")
            if length == _UNDEFINED:
                end = self._behind_items(start, implicit=self._implicit or vr == b"UN")
            else:
                end = self._behind(start, length)
            yield Element(tag, vr, start, end, length == _UNDEFINED)
            at = end

    def _header(self, at: int, *, implicit: bool) -> tuple[int, bytes, int, int]:
        """Tag, value representation, where the value begins, and its length."""
        self._steps += 1
        if self._steps > _MOST_ELEMENTS:
            raise UnsupportedImageType(f"DICOM objects with more than {_MOST_ELEMENTS} elements are not read.")
        data, order = self._data, self._order
        try:
            group, number = struct.unpack_from(f"{order}HH", data, at)
            if implicit or group == 0xFFFE:
                return group << 16 | number, b"", at + 8, struct.unpack_from(f"{order}I", data, at + 4)[0]
            vr = data[at + 4 : at + 6]
            if not (vr.isalpha() and vr.isupper()):
                raise corrupt("an element is not of its transfer syntax")
            if vr in _SHORT:
                return group << 16 | number, vr, at + 8, struct.unpack_from(f"{order}H", data, at + 6)[0]
            return group << 16 | number, vr, at + 12, struct.unpack_from(f"{order}I", data, at + 8)[0]
        except struct.error:
            raise corrupt("it ends too early") from None

    def _behind(self, start: int, length: int) -> int:
        if start + length > len(self._data):
            raise corrupt("it ends too early")
        return start + length

    def _behind_items(self, at: int, *, implicit: bool) -> int:
        """Where the value of undefined length that begins at `at` ends, with its delimiter."""
        # For each open level whether it is an item, which holds elements, and how those are encoded.
        open_levels = [(False, implicit)]
        while open_levels:
            inside_item, level_implicit = open_levels[-1]
            tag, vr, start, length = self._header(at, implicit=level_implicit)
            if tag == (ITEM_END if inside_item else SEQUENCE_END):
                open_levels.pop()
                at = self._behind(start, length)
                continue
            if (tag >> 16 == 0xFFFE) == inside_item or (not inside_item and tag != ITEM):
                raise corrupt("a sequence is not well formed")
            if length != _UNDEFINED:
                at = self._behind(start, length)
                continue
            if len(open_levels) >= _DEEPEST:
                raise UnsupportedImageType(f"DICOM sequences nested more than {_DEEPEST} deep are not read.")
            open_levels.append((not inside_item, level_implicit or vr == b"UN"))
            at = start
        return at
