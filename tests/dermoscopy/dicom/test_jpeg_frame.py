import io

import pydicom
import pytest

from dermoscopy.decode import decode
from dermoscopy.dicom import syntaxes
from dermoscopy.errors import ContradictoryColours
from tests.dermoscopy.dicom_files import coded, difference, jpeg, rgb
from tests.dermoscopy.files import picture


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
