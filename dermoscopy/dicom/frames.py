"""One frame's bytes out of the pixel data (PS3.5 sections 8.1 and A.4)."""

from __future__ import annotations

import struct
from bisect import bisect_left

from dermoscopy.dicom.elements import ITEM, PIXEL_DATA, DataSet, corrupt
from dermoscopy.dicom.header import OFFSETS, Header
from dermoscopy.dicom.syntaxes import NATIVE
from dermoscopy.errors import AnimatedImage, NoSuchFrame, UnsupportedImageType

# With these a JPEG or JPEG-LS begins, and a JPEG 2000; all have the same end.
_STARTS, _END = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51"), b"\xff\xd9"
# One byte makes the length even; some programs fill up blocks.
_MOST_PADDING = 1_024


def which(frames: int, wanted: int | None) -> int:
    """The number of the frame that is meant, from 1.

    Raises:
        AnimatedImage: There are several, and nobody said which one.
        NoSuchFrame: There are fewer.
    """
    if wanted is None and frames > 1:
        raise AnimatedImage(f"The DICOM object has {frames} frames; say which one is meant: frame=1 to frame={frames}.")
    if wanted is not None and not 1 <= wanted <= frames:
        raise NoSuchFrame(f"There is no such frame: the DICOM object has {frames}.")
    return wanted or 1


def frame_bytes(found: DataSet, header: Header, number: int) -> bytes:
    """The bytes of a frame as they are stored.

    Args:
        found: With the pixel data.
        header: Of it.
        number: Of the frame, from 1; `which` has checked it.

    Raises:
        CorruptImage: The pixel data is not whole.
        UnsupportedImageType: It does not say which fragments belong to the frame.
    """
    pixels = found.elements[PIXEL_DATA]
    if (header.syntax in NATIVE) == pixels.undefined:
        raise corrupt("its pixels are not of its transfer syntax")
    if header.syntax in NATIVE:
        return _native(found.data, pixels.start, pixels.end, header, number)
    table, fragments = _fragments(found.data, pixels.start, pixels.end)
    extended = found.value(OFFSETS)
    most = min(header.frames, len(fragments))
    offsets = _offsets(table, "<I", most) if extended is None else _offsets(extended, "<Q", most)
    return _joined([found.data[start:end] for start, end in _of_frame(offsets, fragments, header.frames, number)])


def _joined(parts: list[bytes]) -> bytes:
    """The fragments of a frame, which are not two pictures: the second one would never be looked at."""
    whole = b"".join(parts)
    if whole.startswith(_STARTS):
        at = 0
        for part in parts[:-1]:
            at += len(part)
            if whole.startswith(_STARTS, at) and whole[max(0, at - _MOST_PADDING) : at].rstrip(b"\0").endswith(_END):
                raise corrupt("it has more pictures than it declares")
    return whole


def _native(data: bytes, start: int, end: int, header: Header, number: int) -> bytes:
    samples = 2 if header.photometric == "YBR_FULL_422" else header.samples
    size = header.rows * header.columns * samples * header.allocated // 8
    if end - start not in {size * header.frames, size * header.frames + size * header.frames % 2}:
        raise corrupt("it has more or fewer pixels than it declares")
    if header.allocated == 8 and header.words and header.order == ">":
        data, start = _swapped(data[start:end]), 0
    begin = start + size * (number - 1)
    return data[begin : begin + size]


def _swapped(pixels: bytes) -> bytes:
    """Two samples of 8 bits make a word, whose bytes are swapped; a word may lie in two frames."""
    swapped = bytearray(pixels)
    even = len(pixels) // 2 * 2
    swapped[0:even:2], swapped[1:even:2] = pixels[1:even:2], pixels[0:even:2]
    return bytes(swapped)


Ranges = list[tuple[int, int]]


def _offsets(table: bytes, kind: str, most: int) -> list[int]:
    """The entries of a table, of which each frame has one; millions of others would take hundreds of megabytes."""
    size = struct.calcsize(kind)
    if len(table) > size * most:
        raise corrupt("its table of frames is wrong")
    return [entry for (entry,) in struct.iter_unpack(kind, table[: len(table) // size * size])]


def _fragments(data: bytes, at: int, end: int) -> tuple[bytes, Ranges]:
    """The basic offset table, and where the fragments are; the walk over the elements has checked the lengths."""
    table: bytes | None = None
    fragments: Ranges = []
    while at < end:
        group, number, length = struct.unpack_from("<HHI", data, at)
        begin = at + 8
        if group << 16 | number != ITEM:
            break
        if begin + length > end:
            raise corrupt("its pixels are not in fragments")
        if table is None:
            table = data[begin : begin + length]
        else:
            fragments.append((begin, begin + length))
        at = begin + length
    if not fragments:
        raise corrupt("it has no pixels")
    return table or b"", fragments


def _of_frame(offsets: list[int], fragments: Ranges, frames: int, number: int) -> Ranges:
    if frames == 1:
        return fragments
    if len(fragments) == frames:
        return fragments[number - 1 : number]
    if len(offsets) != frames:
        raise UnsupportedImageType("The DICOM object does not say which fragments of its pixels belong to which frame.")
    # Offsets count from the first item behind the table, and name items, which begin 8 bytes before their value.
    places = [start - fragments[0][0] for start, _ in fragments]
    first = bisect_left(places, offsets[number - 1])
    behind = bisect_left(places, offsets[number]) if number < frames else len(places)
    known = set(places)
    if any(offset not in known for offset in offsets) or offsets != sorted(set(offsets)) or offsets[0] != 0:
        raise corrupt("its table of frames is wrong")
    return fragments[first:behind]
