"""JPEG-LS in DICOM (ITU-T T.87): lossless and near-lossless.

CharLS runs for ever, or beyond the data, where a stream has no end marker (pyjpegls 1.5.1), so the structure is walked
first; in its coded data an 0xff is never followed by a byte of 0x80 or more unless both are a marker.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from dermoscopy.dicom.elements import corrupt
from dermoscopy.dicom.header import Header
from dermoscopy.errors import UnsupportedImageType

_SOF, _LSE, _SOS, _EOI = 0xF7, 0xF8, 0xDA, 0xD9
_APP0, _APP15, _COM = 0xE0, 0xEF, 0xFE
# Without the fill bytes that may stand before a marker (T.81 section B.1.1.2); DCMTK writes one. A pattern that took
# them along would try every run of 0xff once more from each byte of it.
_MARKER = re.compile(rb"\xff[\x80-\xfe]")
_CODING_PARAMETERS = 1
_MOST_SEGMENTS = 100
# Where CharLS could be made to apply a colour transform that no DICOM object may have.
_COLOUR_TRANSFORM = b"mrfx"


def inspect(data: bytes, header: Header) -> bytes:
    """Check a frame.

    Args:
        data: The frame.
        header: Of the object.

    Returns:
        The stream to decode: without comments, from its start to its end marker.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    if not data.startswith(b"\xff\xd8"):
        raise corrupt("there is no JPEG-LS in it")
    kept = [b"\xff\xd8"]
    at, scans, declared = 2, 0, False
    for _ in range(_MOST_SEGMENTS):
        marker = data[at + 1] if data[at : at + 1] == b"\xff" and at + 1 < len(data) else 0
        if marker == _EOI and scans:
            return b"".join([*kept, b"\xff\xd9"])
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        payload, whole = data[at + 4 : at + 2 + length], data[at : at + 2 + length]
        if length < 2 or len(payload) != length - 2:
            raise corrupt("its JPEG-LS is cut short")
        at += 2 + length
        if marker == _SOS and declared:
            scans += 1
            found = _MARKER.search(data, at)
            if found is None or scans > header.samples:
                raise corrupt("its JPEG-LS has no end")
            kept += [whole, data[at : found.start()].rstrip(b"\xff")]
            at = found.start()
        elif marker == _SOF and not declared:
            _check_frame(payload, header)
            kept.append(whole)
            declared = True
        elif marker == _LSE and payload[:1] == bytes([_CODING_PARAMETERS]):
            kept.append(whole)
        elif not (_APP0 <= marker <= _APP15 or marker == _COM) or payload.startswith(_COLOUR_TRANSFORM):
            raise UnsupportedImageType("The JPEG-LS in the DICOM object is of a kind that is not read.")
    raise UnsupportedImageType(f"JPEG-LS with more than {_MOST_SEGMENTS} segments is not read.")


def _check_frame(payload: bytes, header: Header) -> None:
    if len(payload) != 6 + 3 * header.samples or payload[5] != header.samples or set(payload[7::3]) != {0x11}:
        raise corrupt("the JPEG-LS in it has other samples")
    rows, columns = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    if (columns, rows) != (header.columns, header.rows):
        raise corrupt("the JPEG-LS in it has another size")
    # Samples are numbers whatever the precision is, and encoders choose one that just holds those of the picture.
    if (payload[0] + 7) // 8 * 8 > header.allocated:
        raise corrupt("the JPEG-LS in it has another depth")


def decode(stream: bytes, header: Header) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The samples of a frame that was inspected, [rows, columns, samples], of `header.stored` bits.

    Raises:
        CorruptImage: They cannot be decoded.
    """
    from jpeg_ls import decode_buffer  # noqa: PLC0415 - only where there is a JPEG-LS to decode

    try:
        decoded, found = decode_buffer(stream)
    except (RuntimeError, ValueError):
        raise corrupt("its JPEG-LS cannot be decoded") from None
    shape = header.rows, header.columns, header.samples
    samples = np.frombuffer(decoded, np.uint8 if found["bits_per_sample"] <= 8 else "<u2")
    if samples.size != shape[0] * shape[1] * shape[2]:
        raise corrupt("its JPEG-LS cannot be decoded")
    if header.stored > 8:
        # A mask of more bits does not fit into fewer.
        samples = samples.astype(np.uint16, copy=False)
    if samples.max() >> header.stored:
        raise corrupt("the JPEG-LS in it has another depth")
    if found["interleave_mode"] == 0 and header.samples == 3:
        return samples.reshape(shape[2], shape[0], shape[1]).transpose(1, 2, 0)
    return samples.reshape(shape)
