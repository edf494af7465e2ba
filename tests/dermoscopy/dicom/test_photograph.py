"""The decode matrix: every coding that is read, against the rendered picture, Pillow's decode, and pydicom's."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.colour import to_srgb
from dermoscopy.decode import decode
from dermoscopy.dicom import syntaxes
from dermoscopy.errors import CorruptImage, ImageError, NoSuchFrame
from dermoscopy.prepare import prepare
from tests.dermoscopy.dicom_files import (
    coded,
    difference,
    jpeg,
    jpeg_2000,
    jpeg_ls,
    lossless_files,
    lossy_files,
    rgb,
    rle,
)
from tests.dermoscopy.files import encode, picture, swapped_profile
from tests.dermoscopy.jpeg_lossless import encode_lossless


def shown(data: bytes, frame: int | None = None) -> NDArray[np.uint8]:
    return np.asarray(decode(data, frame=frame).image)


def by_pydicom(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(pydicom.dcmread(io.BytesIO(data)).pixel_array)


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


LARGE = (720, 680)


def wavelets(pixels: NDArray[np.uint8]) -> bytes:
    return jpeg_2000(Image.fromarray(pixels))


@pytest.mark.parametrize(
    ("encoder", "photometric", "syntax"),
    [
        (rle, "RGB", syntaxes.RLE),
        (jpeg_ls, "RGB", syntaxes.JPEG_LS),
        (jpeg_ls, "RGB", syntaxes.JPEG_LS_NEAR),
        (wavelets, "YBR_RCT", syntaxes.JPEG_2000_LOSSLESS),
        (wavelets, "YBR_RCT", syntaxes.JPEG_2000),
        (encode_lossless, "RGB", syntaxes.JPEG_LOSSLESS_FIRST),
        (encode_lossless, "RGB", syntaxes.JPEG_LOSSLESS),
    ],
)
def test_a_large_picture_without_loss_is_prepared_as_outside_dicom(
    encoder: Callable[[NDArray[np.uint8]], bytes], photometric: str, syntax: str
) -> None:
    """From three times the side of the model on, a JPEG is decoded at a reduced scale; a lossless one cannot be."""
    inside = prepare(coded([encoder(rgb(LARGE))], rgb(LARGE), photometric, syntax))
    assert np.array_equal(inside.pixels, prepare(encode(picture("RGB", LARGE), "PNG")).pixels)
    assert (inside.width, inside.height) == LARGE


@pytest.mark.parametrize("syntax", [syntaxes.JPEG_BASELINE, syntaxes.JPEG_EXTENDED])
def test_a_large_jpeg_with_loss_is_prepared_in_every_syntax(syntax: str) -> None:
    data = jpeg(picture("RGB", LARGE))
    inside = prepare(coded([data], rgb(LARGE), "YBR_FULL_422", syntax))
    assert np.array_equal(inside.pixels, prepare(data).pixels)


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
