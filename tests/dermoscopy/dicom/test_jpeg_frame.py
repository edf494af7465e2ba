import io

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from dermoscopy.decode import decode
from dermoscopy.dicom import syntaxes
from dermoscopy.errors import ContradictoryColours, CorruptImage
from tests.dermoscopy.dicom_files import coded, difference, jpeg, rgb
from tests.dermoscopy.files import find_marker, picture
from tests.dermoscopy.jpeg_lossless import encode_lossless


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_a_ycbcr_jpeg_called_rgb_without_its_marker_is_caught(subsampling: str) -> None:
    data = jpeg(picture(), jfif=False, subsampling=subsampling)
    with pytest.raises(ContradictoryColours, match="may as well hold YCbCr"):
        decode(coded([data], rgb(), "RGB", syntaxes.JPEG_BASELINE))
    # What others make of it, without a word.
    wrong = pydicom.dcmread(io.BytesIO(coded([data], rgb(), "RGB", syntaxes.JPEG_BASELINE))).pixel_array
    assert difference(wrong, rgb()) > 25


def test_a_jpeg_that_says_rgb_in_an_object_that_says_ycbcr_is_caught() -> None:
    data = jpeg(picture(), keep_rgb=True)
    with pytest.raises(ContradictoryColours, match="itself says that it is RGB"):
        decode(coded([data], rgb(), "YBR_FULL_422", syntaxes.JPEG_BASELINE))


def lossless(frame: bytes) -> NDArray[np.uint8]:
    """What is shown of an object with this frame."""
    return np.asarray(decode(coded([frame], rgb(), "RGB", syntaxes.JPEG_LOSSLESS)).image)


@pytest.mark.parametrize("predictor", [1, 4])
@pytest.mark.parametrize("rows", [5, 7, 55])
def test_a_lossless_jpeg_may_have_restarts(rows: int, predictor: int) -> None:
    frame = encode_lossless(rgb(), predictor=predictor, restart_rows=rows)
    assert b"\xff\xd0" in frame
    assert np.array_equal(lossless(frame), rgb())
    number = -(-rgb().shape[0] // rows) - 1
    assert np.array_equal(lossless(frame[:-2] + bytes([0xFF, 0xD0 + number % 8, 0xFF, 0xFF, 0xD9])), rgb())


def test_a_lossless_jpeg_may_have_fill_bytes() -> None:
    frame = encode_lossless(rgb(), restart_rows=20)
    for marker in (0xC3, 0xDA, 0xD0, 0xD9):
        frame = frame.replace(bytes([0xFF, marker]), b"\xff\xff\xff" + bytes([marker]))
    assert np.array_equal(lossless(frame), rgb())


def test_a_lossless_jpeg_with_a_restart_where_none_belongs_is_refused() -> None:
    frame = encode_lossless(rgb())
    at = find_marker(frame, 0xDA) + 400
    at += frame[at - 1] == 0xFF
    with pytest.raises(CorruptImage, match="restart markers"):
        lossless(frame[:at] + b"\xff\xd0" + frame[at:])
    several = encode_lossless(rgb(), restart_rows=20)
    with pytest.raises(CorruptImage, match="restart markers"):
        lossless(several.replace(b"\xff\xd0", b""))


def test_a_lossless_jpeg_with_an_interval_cut_short_is_refused() -> None:
    frame = encode_lossless(rgb(), restart_rows=20)
    start, restart = find_marker(frame, 0xDA) + 14, frame.index(b"\xff\xd0")
    for left in range(1, restart - start - 9, 97):
        with pytest.raises(CorruptImage, match="a part of the picture is missing"):
            lossless(frame[: start + left].removesuffix(b"\xff") + frame[restart:])


def test_a_lossless_jpeg_with_data_twice_is_refused() -> None:
    frame = encode_lossless(rgb())
    start = find_marker(frame, 0xDA) + 14
    for place in range(start, len(frame) - 514, len(frame) // 15):
        with pytest.raises(CorruptImage):
            lossless(frame[: place + 512] + frame[place:])
    assert np.array_equal(lossless(frame[:-2] + bytes(1_000) + frame[-2:]), rgb())
