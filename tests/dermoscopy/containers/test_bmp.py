import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.containers.bmp import inspect
from dermoscopy.decode import decode
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits
from tests.dermoscopy.files import bmp, encode, picture, srgb_profile

_WIDTH, _HEIGHT = 48, 40
_RGB = (np.arange(_WIDTH * _HEIGHT * 3, dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8)
_RGB = _RGB.reshape(_HEIGHT, _WIDTH, 3)
_BGR = _RGB[..., ::-1]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_depths(mode: str) -> None:
    decoded = decode(encode(picture(mode), "BMP"))
    assert decoded.media_type == "image/bmp"
    assert np.array_equal(np.asarray(decoded.image), np.asarray(picture(mode).convert("RGB")))


def test_rows_from_the_bottom_and_from_the_top() -> None:
    assert np.array_equal(np.asarray(decode(bmp(_WIDTH, _HEIGHT, body=_BGR[::-1].tobytes())).image), _RGB)
    assert np.array_equal(np.asarray(decode(bmp(_WIDTH, -_HEIGHT, body=_BGR.tobytes())).image), _RGB)


def test_32_bits_without_masks_have_no_alpha() -> None:
    body = np.concatenate([_BGR, np.zeros((_HEIGHT, _WIDTH, 1), np.uint8)], axis=2)[::-1].tobytes()
    assert np.array_equal(np.asarray(decode(bmp(_WIDTH, _HEIGHT, depth=32, body=body)).image), _RGB)


def test_masks() -> None:
    red, green, blue = (_RGB[..., k].astype(np.uint16) for k in range(3))
    packed = (red >> 3 << 11) | (green >> 2 << 5) | blue >> 3
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    body = masks + packed[::-1].astype("<u2").tobytes()
    shown = np.asarray(decode(bmp(_WIDTH, _HEIGHT, depth=16, compression=3, offset=66, body=body)).image)
    assert np.abs(shown.astype(int) - _RGB).max() <= 8


def _masked(depth: int, masks: tuple[int, ...], header: int = 40) -> bytes:
    """A BMP of ones with these masks, of red, green, blue and perhaps alpha."""
    plain = bmp(
        _WIDTH, _HEIGHT, depth=depth, compression=3, header=header, offset=14 + max(header, 40 + 4 * len(masks))
    )
    return plain[:54] + struct.pack(f"<{len(masks)}I", *masks) + plain[54 + 4 * len(masks) :] + b"\x01" * (8 * 48 * 40)


@pytest.mark.parametrize(
    ("depth", "masks", "header"),
    [
        (16, (0xF800, 0x7E0, 0x1F), 40),
        (16, (0x7C00, 0x3E0, 0x1F), 108),
        (24, (0xFF0000, 0xFF00, 0xFF), 40),
        (32, (0xFF0000, 0xFF00, 0xFF), 40),
        (32, (0xFF000000, 0xFF0000, 0xFF00), 52),
        (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 56),
        (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), 124),
    ],
)
def test_masks_that_are_read(depth: int, masks: tuple[int, ...], header: int) -> None:
    assert decode(_masked(depth, masks, header)).image.size == (_WIDTH, _HEIGHT)


@pytest.mark.parametrize(
    ("depth", "masks", "header"),
    [
        (16, (0xF00, 0xF0, 0xF), 40),
        (16, (0x1F, 0x7E0, 0xF800), 40),
        (24, (0xFF, 0xFF00, 0xFF0000), 40),
        (32, (0x3FF00000, 0xFFC00, 0x3FF), 40),
        (32, (0xFF, 0xFF00, 0xFF0000), 52),
        (32, (0xFF, 0xFF00, 0xFF0000, 0), 56),
    ],
)
def test_masks_that_are_not_read_are_told_from_damage(depth: int, masks: tuple[int, ...], header: int) -> None:
    with pytest.raises(UnsupportedImageType, match="colours in these bits"):
        decode(_masked(depth, masks, header))


_SOME = [(0, 0, 0), (255, 255, 255), (10, 200, 30), (1, 2, 3), (90, 80, 70)]


def _indexed(indices: NDArray[np.int64], palette: list[tuple[int, int, int]], depth: int, gap: int = 0) -> bytes:
    bits = (indices[::-1, :, None] >> np.arange(depth)[::-1] & 1).astype(np.uint8).reshape(len(indices), -1)
    packed = np.packbits(bits, axis=1)
    rows = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 4))).tobytes()
    entries = b"".join(bytes([blue, green, red, 0]) for red, green, blue in palette)
    start = 54 + len(entries) + gap
    height, width = indices.shape
    body = entries + b"\xee" * gap + rows
    return bmp(width, height, depth=depth, colours=len(palette), offset=start, body=body)


@pytest.mark.parametrize("gap", [0, 6])
@pytest.mark.parametrize(
    ("depth", "palette"),
    [
        (depth, palette)
        for depth in (1, 4, 8)
        for palette in (_SOME[:1], _SOME[1:2], _SOME[2:3], _SOME[:2], _SOME[1::-1], _SOME[2:4], _SOME[:3], _SOME)
        if len(palette) <= 1 << depth
    ],
)
def test_short_palettes(depth: int, palette: list[tuple[int, int, int]], gap: int) -> None:
    """Two colours, black and white, Pillow would take for one bit each, whatever the depth is."""
    indices = np.random.default_rng(5).integers(0, len(palette), (37, 45))
    shown = np.asarray(decode(_indexed(indices, palette, depth, gap)).image)
    assert np.array_equal(shown, np.array(palette, np.uint8)[indices])
    if len(palette) < 1 << depth:
        indices[-1, -1] = len(palette)
        with pytest.raises(CorruptImage, match="colours that its palette lacks"):
            decode(_indexed(indices, palette, depth, gap))


@pytest.mark.parametrize("step", [1, 17])
def test_four_bits_of_grey(step: int) -> None:
    """Greys that are their own numbers Pillow would take for a byte each."""
    indices = np.random.default_rng(6).integers(0, 16, (37, 45))
    data = _indexed(indices, [(step * grey,) * 3 for grey in range(16)], depth=4)
    undeclared = data[:46] + bytes(4) + data[50:]
    for file in (data, undeclared):
        assert np.array_equal(np.asarray(decode(file).image)[..., 0], step * indices)


def test_an_embedded_profile_is_found() -> None:
    data = bytearray(bmp(_WIDTH, _HEIGHT, header=124, body=_BGR.tobytes() + srgb_profile()))
    data[14 + 56 : 14 + 60] = b"DEBM"
    struct.pack_into("<II", data, 14 + 112, 124 + _BGR.size, len(srgb_profile()))
    assert inspect(bytes(data), Limits()).icc_profile == srgb_profile()
    assert decode(bytes(data)).image.size == (_WIDTH, _HEIGHT)
