import struct

import numpy as np
import pytest

from dermoscopy.containers.bmp import inspect
from dermoscopy.decode import decode
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


def test_an_embedded_profile_is_found() -> None:
    data = bytearray(bmp(_WIDTH, _HEIGHT, header=124, body=_BGR.tobytes() + srgb_profile()))
    data[14 + 56 : 14 + 60] = b"DEBM"
    struct.pack_into("<II", data, 14 + 112, 124 + _BGR.size, len(srgb_profile()))
    assert inspect(bytes(data), Limits()).icc_profile == srgb_profile()
    assert decode(bytes(data)).image.size == (_WIDTH, _HEIGHT)
