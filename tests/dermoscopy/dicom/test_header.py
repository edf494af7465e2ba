import pytest

from dermoscopy.dicom import syntaxes
from dermoscopy.dicom.elements import read_elements
from dermoscopy.dicom.header import WANTED, Header, read_header
from dermoscopy.errors import CorruptImage, ImageError, NotAPhotograph, TooManyPixels, UnsupportedImageType
from dermoscopy.limits import Limits
from tests.dermoscopy.dicom_files import dataset, describe, grey, native, rgb, write


def read(data: bytes, limits: Limits | None = None) -> Header:
    limits = limits or Limits()
    return read_header(read_elements(data, WANTED, limits), limits)


def test_what_an_object_says_of_its_pixels() -> None:
    found = read(native(rgb(), planar=True))
    assert (found.rows, found.columns, found.samples) == rgb().shape
    assert (found.frames, found.allocated, found.stored, found.planar) == (1, 8, 8, True)
    assert (found.photometric, found.palette, found.icc_profile) == ("RGB", None, None)
    assert (read(native(grey(), "MONOCHROME2")).samples, read(native(grey(), "MONOCHROME2")).planar) == (1, False)


@pytest.mark.parametrize("syntax", [syntaxes.EXPLICIT, syntaxes.BIG_ENDIAN])
def test_numbers_are_of_the_byte_order_of_the_object(syntax: str) -> None:
    assert read(native(rgb(), syntax=syntax)).columns == rgb().shape[1]


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, NotAPhotograph, "no VL Photographic"),  # CT
        ({"SamplesPerPixel": 1}, CorruptImage, "samples do not fit"),
        ({"PhotometricInterpretation": "HSV"}, UnsupportedImageType, "photometric interpretation"),
        ({"BitsAllocated": 32}, UnsupportedImageType, "8 or 16 bits"),
        ({"PixelRepresentation": 1}, UnsupportedImageType, "unsigned"),
        ({"HighBit": 5}, CorruptImage, "bits contradict"),
        ({"NumberOfFrames": "0"}, CorruptImage, "how many frames"),
        ({"ColorSpace": "ADOBERGB"}, UnsupportedImageType, "no ICC profile"),
    ],
)
def test_what_contradicts_itself_or_is_not_read_is_told(
    changes: dict[str, object], error: type[ImageError], why: str
) -> None:
    found = dataset()
    describe(found, rgb(), "RGB")
    for name, value in changes.items():
        setattr(found, name, value)
    found.PixelData = rgb().tobytes()
    found["PixelData"].VR = "OB"
    with pytest.raises(error, match=why):
        read(write(found, syntaxes.EXPLICIT))


@pytest.mark.parametrize("changes", [{"RescaleSlope": "2"}, {"WindowCenter": "40", "WindowWidth": "80"}])
def test_grey_values_that_would_need_a_window_or_a_rescale_are_not_shown_without(changes: dict[str, str]) -> None:
    with pytest.raises(UnsupportedImageType, match="window, rescale or look-up table"):
        read(native(grey(), "MONOCHROME2", **changes))  # type: ignore[arg-type]  # attributes of the object


@pytest.mark.parametrize(
    ("photometric", "shape"), [("MONOCHROME2", "IDENTITY"), ("MONOCHROME1", "INVERSE"), ("MONOCHROME1", None)]
)
def test_grey_values_are_shown_only_if_nothing_inverts_them_once_more(photometric: str, shape: str | None) -> None:
    assert read(native(grey(), photometric, PresentationLUTShape=shape)).photometric == photometric
    other = "IDENTITY" if shape == "INVERSE" else "INVERSE"
    if shape is not None:
        with pytest.raises(UnsupportedImageType, match="window, rescale or look-up table"):
            read(native(grey(), photometric, PresentationLUTShape=other))


def test_samples_of_sixteen_bits_count_twice() -> None:
    pixels = grey().shape[0] * grey().shape[1]
    limits = Limits(max_pixels=pixels)
    assert read(native(grey(), "MONOCHROME2"), limits).allocated == 8
    with pytest.raises(TooManyPixels):
        read(native(grey().astype("<u2"), "MONOCHROME2", bits=16), limits)
