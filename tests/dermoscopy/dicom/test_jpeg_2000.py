import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dermoscopy.dicom import syntaxes
from dermoscopy.dicom.header import Header, Palette
from dermoscopy.dicom.jpeg_2000 import inspect
from dermoscopy.errors import CorruptImage, TooManyPixels, UnsupportedImageType
from dermoscopy.limits import Limits
from tests.dermoscopy.dicom_files import grey, jpeg_2000, rgb
from tests.dermoscopy.files import picture

HEADER = Header(
    syntax=syntaxes.JPEG_2000_LOSSLESS, order="<", words=False, columns=rgb().shape[1], rows=rgb().shape[0], frames=1,
    samples=3, allocated=8, stored=8, planar=False, photometric="YBR_RCT", palette=None, icc_profile=None,
)  # fmt: skip
STREAM = jpeg_2000(picture())
SOT, SIZ, COD = STREAM.index(b"\xff\x90"), STREAM.index(b"\xff\x51"), STREAM.index(b"\xff\x52")


def decoded(stream: bytes, header: Header = HEADER) -> np.ndarray:
    """What OpenJPEG makes of what is left of a stream after its inspection."""
    return np.asarray(Image.open(io.BytesIO(inspect(stream, header, Limits()).stream)))


def segment(marker: int, payload: bytes = b"\0") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def in_the_tile(more: bytes) -> bytes:
    """The stream with more in the header of its tile part, whose length (Psot) fits."""
    (length,) = struct.unpack_from(">I", STREAM, SOT + 6)
    longer = struct.pack(">I", length + len(more))
    return STREAM[: SOT + 6] + longer + STREAM[SOT + 10 : SOT + 12] + more + STREAM[SOT + 12 :]


def tile_part(tile: int, part: int, parts: int, body: bytes) -> bytes:
    """A part of a tile: `body` is what follows the start of its data."""
    return b"\xff\x90" + struct.pack(">HHIBB", 10, tile, 14 + len(body), part, parts) + b"\xff\x93" + body


def bodies(stream: bytes) -> list[bytes]:
    """What each tile of a stream holds; each is in one part without a header."""
    found, at = [], stream.index(b"\xff\x90")
    while stream[at : at + 2] == b"\xff\x90":
        (length,) = struct.unpack_from(">I", stream, at + 6)
        found.append(stream[at + 14 : at + length])
        at += length
    return found


TILED = jpeg_2000(picture(), tile_size=(32, 32))
TILES = bodies(TILED)


def of_parts(*parts: tuple[int, int, int, bytes]) -> bytes:
    """The tiled stream, of these parts instead of its own."""
    return TILED[: TILED.index(b"\xff\x90")] + b"".join(tile_part(*each) for each in parts) + b"\xff\xd9"


def whole(*numbers: int) -> list[tuple[int, int, int, bytes]]:
    return [(number, 0, 1, TILES[number]) for number in numbers]


def patched(at: int, new: bytes) -> bytes:
    return STREAM[:at] + new + STREAM[at + len(new) :]


@pytest.mark.parametrize(
    ("stream", "photometric"),
    [
        (STREAM, "YBR_RCT"),
        (STREAM, "RGB"),  # as some write who mean what comes out
        (jpeg_2000(picture(), mct=0), "RGB"),
        (jpeg_2000(picture(), tile_size=(32, 32)), "YBR_RCT"),
        (jpeg_2000(picture(), precinct_size=(64, 64)), "YBR_RCT"),
        (in_the_tile(segment(0x64, b"\0\1said")), "YBR_RCT"),
    ],
)
def test_a_sound_stream_is_left_as_it_is(stream: bytes, photometric: str) -> None:
    assert np.array_equal(decoded(stream, replace(HEADER, photometric=photometric)), rgb())


def test_grey_has_one_sample() -> None:
    header = replace(HEADER, samples=1, rows=grey().shape[0], columns=grey().shape[1], photometric="MONOCHROME2")
    assert np.array_equal(decoded(jpeg_2000(picture("L")), header), grey())


def test_what_stands_behind_the_picture_does_not_reach_the_decoder() -> None:
    assert inspect(STREAM + b"CANARY", HEADER, Limits()).stream == STREAM


def test_the_last_tile_part_may_leave_its_length_open() -> None:
    assert np.array_equal(decoded(patched(SOT + 6, bytes(4))), rgb())


HALF = len(TILES[0]) // 2


@pytest.mark.parametrize("parts", [(2, 2), (0, 2), (2, 0), (0, 0)])
def test_a_tile_may_come_in_parts_and_in_any_order(parts: tuple[int, int]) -> None:
    first, second = (0, 0, parts[0], TILES[0][:HALF]), (0, 1, parts[1], TILES[0][HALF:])
    assert np.array_equal(decoded(of_parts(first, *whole(5, 4, 3, 2, 1), second)), rgb())


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (of_parts(*whole(0, 1, 2, 3, 4)), "a tile of its JPEG 2000 is missing"),
        (of_parts(*whole(0, 1, 3, 4, 5)), "a tile of its JPEG 2000 is missing"),
        (of_parts((0, 0, 2, TILES[0][:HALF]), *whole(1, 2, 3, 4, 5)), "a tile of its JPEG 2000 is missing"),
        (of_parts((0, 1, 2, TILES[0][HALF:]), *whole(1, 2, 3, 4, 5)), "another tile than the one"),
        (of_parts(*whole(0, 1, 2, 3, 4, 5, 5)), "another tile than the one"),
        (of_parts(*whole(0, 1, 2, 3, 4, 5), (6, 0, 1, TILES[5])), "another tile than the one"),
        (
            of_parts((0, 0, 2, TILES[0][:HALF]), (0, 1, 3, TILES[0][HALF:]), *whole(1, 2, 3, 4, 5)),
            "another tile than the one",
        ),
    ],
)
def test_every_tile_must_be_there_with_all_its_parts(stream: bytes, why: str) -> None:
    """OpenJPEG would leave it black."""
    with pytest.raises(CorruptImage, match=why):
        inspect(stream, HEADER, Limits())


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (replace(HEADER, rows=HEADER.rows + 1), "another size"),
        (replace(HEADER, samples=1), "other samples"),
        (replace(HEADER, stored=7), "another depth"),
        (replace(HEADER, photometric="YBR_FULL"), "other colours"),
    ],
)
def test_what_the_object_says_otherwise_is_told(header: Header, why: str) -> None:
    with pytest.raises(CorruptImage, match=why):
        inspect(STREAM, header, Limits())


@pytest.mark.parametrize("length", [1, 10, COD + 6, SOT + 8, len(STREAM) // 2, len(STREAM) - 2])
def test_one_that_is_cut_is_refused_before_it_is_decoded(length: int) -> None:
    with pytest.raises(CorruptImage):
        inspect(STREAM[:length], HEADER, Limits())


@pytest.mark.parametrize(
    "stream",
    [
        *(STREAM[:SOT] + segment(marker) + STREAM[SOT:] for marker in (0x53, 0x5F, 0x60)),  # COC, POC, PPM
        STREAM[:SOT] + STREAM[COD:SOT] + STREAM[SOT:],
        *(in_the_tile(segment(marker)) for marker in (0x52, 0x53, 0x5F, 0x61)),  # COD, COC, POC, PPT
    ],
)
def test_one_that_changes_its_coding_on_the_way_is_not_read(stream: bytes) -> None:
    with pytest.raises(UnsupportedImageType, match="of a kind that is not read"):
        inspect(stream, HEADER, Limits())


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (patched(SIZ + 22, struct.pack(">II", 1, 1)), "more than 2000 tiles"),
        (patched(COD + 6, b"\xff\xff"), "divided into too many parts"),  # layers
        (patched(COD + 10, b"\0\0"), "of a kind that is not read"),  # code blocks of 4 by 4
        (STREAM[:SOT] + segment(0x64) * 20_000 + STREAM[SOT:], "too many segments"),
        (in_the_tile(segment(0x64) * 20_000), "too many segments"),
    ],
)
def test_what_would_cost_the_decoder_memory_or_time_is_not_read(stream: bytes, why: str) -> None:
    with pytest.raises(UnsupportedImageType, match=why):
        inspect(stream, HEADER, Limits())


def test_each_pixel_counts_three_times() -> None:
    pixels = HEADER.rows * HEADER.columns
    inspect(STREAM, HEADER, Limits(max_pixels=3 * pixels))
    with pytest.raises(TooManyPixels):
        inspect(STREAM, HEADER, Limits(max_pixels=3 * pixels - 1))


def test_a_palette_has_entries_for_8_bits_only() -> None:
    palette = Palette(0, (bytes(256), bytes(256), bytes(256)))
    with pytest.raises(UnsupportedImageType, match="palette of another depth"):
        inspect(STREAM, replace(HEADER, palette=palette, stored=16), Limits())
