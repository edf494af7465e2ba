"""Samples as they are stored, native or run-length coded (PS3.5 annex G), and the picture that they are."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.dicom.elements import corrupt
from dermoscopy.dicom.header import Header, Palette

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_RLE_HEADER = 64
_BAND_PIXELS = 1_000_000


def native(data: bytes, header: Header) -> Samples:
    """The samples of a native frame.

    Args:
        data: The frame from `dermoscopy.dicom.frames`, as long as the header says.
        header: Of the object.

    Returns:
        [rows, columns, samples], as they are stored.
    """
    values = np.frombuffer(data, np.uint8 if header.allocated == 8 else f"{header.order}u2")
    shape = header.rows, header.columns, header.samples
    if header.photometric == "YBR_FULL_422":
        # PS3.3 section C.7.6.3.1.2: two luminances, then the colours of both.
        pairs = values.reshape(header.rows, header.columns // 2, 4)
        whole = np.empty((*pairs.shape[:2], 2, 3), values.dtype)
        whole[..., 0], whole[..., 1:] = pairs[..., :2], pairs[..., np.newaxis, 2:]
        return whole.reshape(shape)
    if header.planar:
        return values.reshape(shape[2], shape[0], shape[1]).transpose(1, 2, 0)
    return values.reshape(shape)


def run_lengths(data: bytes, header: Header) -> list[bytes]:
    """The segments of a run-length coded frame: of each sample the high byte, then the low one.

    Raises:
        CorruptImage: There are not as many as there must be.
    """
    count = header.samples * header.allocated // 8
    if len(data) < _RLE_HEADER:
        raise corrupt("its run lengths end too early")
    declared, *offsets = struct.unpack_from("<16I", data)
    offsets = offsets[:count]
    if declared != count or offsets != sorted(set(offsets)) or offsets[0] < _RLE_HEADER or offsets[-1] >= len(data):
        raise corrupt("its run lengths are not of its samples")
    return [data[begin:end] for begin, end in zip(offsets, [*offsets[1:], len(data)], strict=True)]


def from_run_lengths(segments: list[bytes], header: Header) -> Samples:
    """The samples of a frame whose segments `run_lengths` found; [rows, columns, samples], as they are stored.

    Raises:
        CorruptImage: A segment is too short.
    """
    pixels = header.rows * header.columns
    size = header.allocated // 8
    samples = np.empty((pixels, header.samples), np.uint8 if size == 1 else ">u2")
    # Of each sample the high byte comes first, as in big endian.
    places = samples.view(np.uint8).reshape(pixels, len(segments))
    for number, segment in enumerate(segments):
        try:
            # As one long row: whatever the standard says, some encoders let a run cross the end of a row.
            plane = Image.frombytes("L", (pixels, 1), segment, "packbits", "L")
        except ValueError:
            raise corrupt("its run lengths end too early") from None
        places[:, number] = np.asarray(plane)[0]
    return samples.reshape(header.rows, header.columns, header.samples)


def to_image(samples: Samples, header: Header, *, bits: int | None = None, converted: bool = False) -> Image.Image:
    """The picture that samples are.

    Args:
        samples: [rows, columns, samples].
        header: What they mean.
        bits: How many each has, above which there may be anything; those that the header names if not given.
        converted: Whether a decoder has made RGB of YCbCr already.

    Returns:
        Mode L or RGB.
    """
    bits = bits or header.stored
    if header.palette is not None:
        return _coloured(samples[..., 0], bits, header.palette)
    values = np.ascontiguousarray(_eight_bits(samples, bits))
    size = header.columns, header.rows
    if header.samples == 1:
        return Image.fromarray(255 - values[..., 0] if header.photometric == "MONOCHROME1" else values[..., 0])
    if header.photometric.startswith("YBR") and not converted:
        values = _rgb(values)
    return Image.frombuffer("RGB", size, values, "raw", "RGB", 0, 1)


def _eight_bits(samples: Samples, bits: int) -> NDArray[np.uint8]:
    """More than 8 bits lose their lowest ones, as 16-bit PNGs do; fewer are spread over the whole range."""
    if bits == 8 and samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    kept = samples & ((1 << bits) - 1)
    if bits >= 8:
        return np.asarray(kept >> (bits - 8), np.uint8)
    return np.asarray(np.rint(kept * (255 / ((1 << bits) - 1))), np.uint8)


def _rgb(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB of YCbCr in the full range (PS3.3 section C.7.6.3.1.2), rounded: Pillow's own conversion darkens a little."""
    rgb = np.empty_like(values)
    rows = max(1, _BAND_PIXELS // values.shape[1])
    for top in range(0, len(values), rows):
        band = values[top : top + rows].astype(np.float32)
        luminance, blue, red = band[..., 0], band[..., 1] - 128, band[..., 2] - 128
        channels = (
            luminance + np.float32(1.402) * red,
            luminance - np.float32(0.344136) * blue - np.float32(0.714136) * red,
            luminance + np.float32(1.772) * blue,
        )
        for channel, converted in enumerate(channels):
            rgb[top : top + rows, :, channel] = np.rint(np.clip(converted, 0, 255))
    return rgb


def _coloured(values: Samples, bits: int, palette: Palette) -> Image.Image:
    last = len(palette.entries[0]) - 1
    places = np.clip((values & ((1 << bits) - 1)).astype(np.int32) - palette.first, 0, last)
    colours = np.stack([np.frombuffer(channel, np.uint8) for channel in palette.entries], axis=-1)
    return Image.fromarray(colours[places])
