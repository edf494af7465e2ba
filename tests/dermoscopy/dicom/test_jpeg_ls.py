import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dermoscopy.decode import decode as decode_file
from dermoscopy.dicom import syntaxes
from dermoscopy.dicom.header import Header
from dermoscopy.dicom.jpeg_ls import decode, inspect
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from tests.dermoscopy.dicom_files import coded, grey, jpeg_ls, rgb

HEADER = Header(
    syntax=syntaxes.JPEG_LS, order="<", words=False, columns=rgb().shape[1], rows=rgb().shape[0], frames=1, samples=3,
    allocated=8, stored=8, planar=False, photometric="RGB", palette=None, icc_profile=None,
)  # fmt: skip
STREAM = jpeg_ls(rgb())


def with_segment(marker: int, payload: bytes) -> bytes:
    """The stream with one more segment before all others."""
    length = (len(payload) + 2).to_bytes(2, "big")
    return STREAM[:2] + bytes([0xFF, marker]) + length + payload + STREAM[2:]


@pytest.mark.parametrize("interleave", [0, 1, 2])
def test_the_samples_come_out_as_they_went_in_however_they_are_interleaved(interleave: int) -> None:
    assert np.array_equal(decode(inspect(jpeg_ls(rgb(), interleave=interleave), HEADER), HEADER), rgb())


def test_grey_has_one_sample() -> None:
    header = replace(HEADER, samples=1, rows=grey().shape[0], columns=grey().shape[1], photometric="MONOCHROME2")
    assert np.array_equal(decode(inspect(jpeg_ls(grey()), header), header)[..., 0], grey())


def test_what_stands_beside_the_picture_does_not_reach_the_decoder() -> None:
    assert b"CANARY" not in inspect(with_segment(0xFE, b"CANARY") + b"CANARY", HEADER)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (replace(HEADER, rows=HEADER.rows + 1), "another size"),
        (replace(HEADER, samples=1), "other samples"),
        (replace(HEADER, stored=4), "another depth"),
    ],
)
def test_what_the_object_says_otherwise_is_told(header: Header, why: str) -> None:
    with pytest.raises(CorruptImage, match=why):
        decode(inspect(STREAM, header), header)


@pytest.mark.parametrize("length", [1, 10, len(STREAM) // 2, len(STREAM) - 2])
def test_one_that_is_cut_is_refused_before_it_is_decoded(length: int) -> None:
    with pytest.raises(CorruptImage):
        inspect(STREAM[:length], HEADER)


def test_fill_bytes_before_a_marker_do_not_reach_the_decoder() -> None:
    filled = STREAM[:-2] + b"\xff\xff\xff" + STREAM[-2:]
    assert inspect(filled, HEADER) == inspect(STREAM, HEADER)


def test_millions_of_fill_bytes_without_a_marker_are_answered_at_once() -> None:
    begun = time.thread_time()
    with pytest.raises(CorruptImage, match="no end"):
        inspect(STREAM[: len(STREAM) // 2] + b"\xff" * 2_000_000 + b"\0", HEADER)
    assert time.thread_time() - begun < 5


@pytest.mark.parametrize(("marker", "payload"), [(0xE8, b"mrfx\1"), (0xF8, b"\2"), (0xC4, b"table")])
def test_a_stream_that_may_mean_something_else_is_not_read(marker: int, payload: bytes) -> None:
    with pytest.raises(UnsupportedImageType, match="of a kind that is not read"):
        inspect(with_segment(marker, payload), HEADER)


@pytest.mark.parametrize("bits", [9, 12, 16])
def test_samples_that_fit_into_8_bits_are_those_of_an_object_of_more(bits: int) -> None:
    """Encoders choose the precision that just holds a picture, and this one is dark."""
    dark = (grey() >> 2).astype(np.uint8)
    data = coded([jpeg_ls(dark)], dark.astype(np.uint16), "MONOCHROME2", syntaxes.JPEG_LS, bits=bits)
    assert np.array_equal(np.asarray(decode_file(data).image)[..., 0], dark >> (bits - 8))


def test_few_colours_of_a_large_palette() -> None:
    index = (grey() >> 2).astype(np.uint8)
    entries = np.stack([np.arange(4096) % 256, np.arange(4096) * 7 % 256, np.arange(4096) * 31 % 256], axis=1)
    palette: dict[str, Any] = {
        f"{name}PaletteColorLookupTable{what}": value
        for at, name in enumerate(("Red", "Green", "Blue"))
        for what, value in (
            ("Descriptor", [4096, 0, 16]),
            ("Data", (entries[:, at] * 257).astype("<u2").tobytes()),
        )
    }
    wide = index.astype(np.uint16)
    data = coded([jpeg_ls(index)], wide, "PALETTE COLOR", syntaxes.JPEG_LS, bits=12, **palette)
    assert np.array_equal(np.asarray(decode_file(data).image), entries[index])
