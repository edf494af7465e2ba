"""The decode matrix: every coding that is read, against the rendered picture, Pillow's decode, and pydicom's."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import convert_color_space

from dermoscopy.colour import to_srgb
from dermoscopy.decode import decode
from dermoscopy.dicom import syntaxes
from dermoscopy.errors import ContradictoryColours, CorruptImage, ImageError, NoSuchFrame
from dermoscopy.prepare import prepare
from tests.dermoscopy.dicom_files import (
    coded,
    grey,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    lossless_files,
    lossy_files,
    native,
    rgb,
    rle,
)
from tests.dermoscopy.files import encode, picture, swapped_profile


def shown(data: bytes, frame: int | None = None) -> NDArray[np.uint8]:
    return np.asarray(decode(data, frame=frame).image)


def by_pydicom(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(pydicom.dcmread(io.BytesIO(data)).pixel_array)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute, in grey levels."""
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("name", lossless_files())
def test_what_is_stored_without_loss_is_shown_exactly(name: str) -> None:
    data, expected = lossless_files()[name]
    decoded = decode(data)
    assert (decoded.width, decoded.height) == expected.shape[1::-1]
    assert decoded.media_type == "application/dicom"
    assert np.array_equal(np.asarray(decoded.image), expected)


@pytest.mark.parametrize("name", lossy_files())
def test_what_is_stored_with_loss_is_shown_as_pillow_decodes_it(name: str) -> None:
    data, expected = lossy_files()[name]
    assert difference(shown(data), expected) <= 0.5
    # And that is the picture: whatever channel was taken for another would be far from it.
    assert difference(shown(data), np.asarray(picture("L" if "grey" in name else "RGB").convert("RGB"))) < 6 or (
        "inverted" in name
    )


# A palette it leaves to be applied, and lossless JPEG it decodes only with gdcm or a GPL library; see test_dcmtk.
_WITH_PYDICOM = [name for name in lossless_files() if "palette" not in name and "jpeg-lossless" not in name]


@pytest.mark.parametrize("name", _WITH_PYDICOM)
def test_pydicom_sees_the_same_samples(name: str) -> None:
    values = by_pydicom(lossless_files()[name].data)
    high = np.asarray(values >> max(0, int(values.dtype.itemsize == 2) * (4 if "12" in name else 8)), np.uint8)
    if "inverted" in name:
        high = 255 - high
    whole = high if high.ndim == 3 else np.repeat(high[..., np.newaxis], 3, axis=-1)
    assert np.array_equal(shown(lossless_files()[name].data), whole)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_a_ycbcr_jpeg_called_rgb_without_its_marker_is_caught(subsampling: str) -> None:
    data = jpeg(picture(), jfif=False, subsampling=subsampling)
    with pytest.raises(ContradictoryColours, match="may as well hold YCbCr"):
        decode(coded([data], rgb(), "RGB", syntaxes.JPEG_BASELINE))
    # What others make of it, without a word.
    wrong = by_pydicom(coded([data], rgb(), "RGB", syntaxes.JPEG_BASELINE))
    assert difference(wrong, rgb()) > 25


def test_a_jpeg_that_says_rgb_in_an_object_that_says_ycbcr_is_caught() -> None:
    data = jpeg(picture(), keep_rgb=True)
    with pytest.raises(ContradictoryColours, match="itself says that it is RGB"):
        decode(coded([data], rgb(), "YBR_FULL_422", syntaxes.JPEG_BASELINE))


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


@pytest.mark.parametrize("inner", [False, True])
def test_a_profile_is_applied_as_in_other_files(inner: bool) -> None:
    profile = swapped_profile()
    image = jpeg(picture(), icc_profile=profile) if inner else jpeg(picture())
    changes: dict[str, Any] = {} if inner else {"ICCProfile": profile}
    data = coded([image], rgb(), "YBR_FULL_422", syntaxes.JPEG_BASELINE, **changes)
    assert np.array_equal(shown(data), np.asarray(to_srgb(Image.open(io.BytesIO(image)), profile)))
    assert difference(shown(data)[..., 0], rgb()[..., 2]) < 6


def test_other_files_have_no_frames() -> None:
    with pytest.raises(NoSuchFrame, match="no DICOM object"):
        decode(encode(picture(), "PNG"), frame=1)


def test_a_jpeg_is_decoded_at_a_reduced_scale_as_outside_dicom() -> None:
    image = picture().resize((900, 700))
    data = jpeg(image)
    inside = prepare(coded([data], np.asarray(image), "YBR_FULL_422", syntaxes.JPEG_BASELINE))
    assert np.array_equal(inside.pixels, prepare(data).pixels)
    assert (inside.width, inside.height) == (900, 700)


@pytest.mark.parametrize("name", ["explicit", "rle", "jpeg-ls", "jpeg-2000", "jpeg-lossless", "deflated", "palette"])
def test_a_file_cut_anywhere_is_refused(name: str) -> None:
    data = lossless_files()[name].data
    for place in np.unique(np.linspace(0, len(data) - 2, 80).astype(int)):
        with pytest.raises(ImageError):
            decode(data[:place])


@pytest.mark.parametrize("syntax", ["jpeg-ls", "jpeg-2000", "jpeg-lossless", "rle", "jpeg-420"])
def test_a_cut_frame_in_a_whole_file_is_refused(syntax: str) -> None:
    made = {**lossless_files(), **lossy_files()}[syntax]
    found = pydicom.dcmread(io.BytesIO(made.data))
    frame = next(pydicom.encaps.generate_frames(found.PixelData, number_of_frames=1))
    uid, photometric = found.file_meta.TransferSyntaxUID, found.PhotometricInterpretation
    for place in range(len(frame) // 3, len(frame) - 12, len(frame) // 20):
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(CorruptImage):
                decode(coded([frame[:place] + end], made.shown, photometric, uid))


def test_grey_is_shown_as_grey() -> None:
    assert np.array_equal(shown(native(grey(), "MONOCHROME2"))[..., 0], grey())
