import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import convert_color_space

from dermoscopy.decode import decode
from dermoscopy.dicom import syntaxes
from tests.dermoscopy.dicom_files import coded, difference, grey, jpeg_2000, jpeg_ls, native, rgb, rle


def shown(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(decode(data).image)


@pytest.mark.parametrize("syntax", [syntaxes.EXPLICIT, syntaxes.RLE, syntaxes.JPEG_LS, syntaxes.JPEG_2000_LOSSLESS])
def test_ycbcr_without_jpeg_is_converted(syntax: str) -> None:
    values = convert_color_space(rgb(), "RGB", "YBR_FULL")
    if syntax == syntaxes.EXPLICIT:
        data = native(values, "YBR_FULL")
    else:
        encoders = {
            syntaxes.RLE: lambda: rle(values),
            syntaxes.JPEG_LS: lambda: jpeg_ls(values),
            syntaxes.JPEG_2000_LOSSLESS: lambda: jpeg_2000(Image.fromarray(values), mct=0),
        }
        data = coded([encoders[syntax]()], values, "YBR_FULL", syntax)
    assert difference(shown(data), rgb()) < 0.7
    assert difference(shown(data), convert_color_space(values, "YBR_FULL", "RGB")) < 0.01


def test_subsampled_ycbcr_without_jpeg_is_converted() -> None:
    values = convert_color_space(rgb(), "RGB", "YBR_FULL")
    pairs = np.empty((*values.shape[:1], values.shape[1] // 2, 4), np.uint8)
    pairs[..., :2] = values[..., 0].reshape(values.shape[0], -1, 2)
    pairs[..., 2:] = values[:, ::2, 1:]
    data = native(values, "YBR_FULL_422", stored=pairs.tobytes())
    expected = values.copy()
    expected[:, 1::2, 1:] = values[:, ::2, 1:]
    assert difference(shown(data), convert_color_space(expected, "YBR_FULL", "RGB")) < 0.01


def test_grey_is_shown_as_grey() -> None:
    assert np.array_equal(shown(native(grey(), "MONOCHROME2"))[..., 0], grey())
