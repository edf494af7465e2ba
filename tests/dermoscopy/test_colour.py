import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dermoscopy import colour
from dermoscopy.colour import adobe_rgb_profile, display_p3_profile, to_srgb
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from tests.dermoscopy.files import picture, srgb_profile, swapped_profile


def _pixels(image: Image.Image) -> NDArray[np.int64]:
    assert image.mode == "RGB"
    return np.asarray(image).astype(np.int64)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK"])
def test_plain_modes_are_what_pillow_shows(mode: str) -> None:
    image = picture(mode)
    assert np.array_equal(_pixels(to_srgb(image, None)), _pixels(image.convert("RGB")))


def test_rgb_is_handed_through_without_a_copy() -> None:
    image = picture()
    assert to_srgb(image, None) is image


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    found = _pixels(to_srgb(Image.fromarray(values), None))[..., 0]
    assert found.min() == 0
    assert found.max() == 255
    assert np.abs(found - values / 257).max() < 1


@pytest.mark.parametrize("mode", ["I", "F", "LAB", "HSV", "YCbCr"])
def test_modes_without_a_sure_meaning_are_refused(mode: str) -> None:
    with pytest.raises(UnsupportedImageType):
        to_srgb(Image.new(mode, (40, 40)), None)


def test_transparency_shows_white() -> None:
    image = picture("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    assert np.abs(_pixels(to_srgb(image, None)) - _pixels(white.convert("RGB"))).max() <= 1


def test_grey_with_alpha_and_premultiplied_grey() -> None:
    image = picture("RGBA").convert("LA")
    plain = _pixels(to_srgb(image, None))
    assert plain[0].min() > 240, "the first row is transparent"
    assert plain[-1].max() < 250, "the last row is opaque"
    assert np.abs(_pixels(to_srgb(image.convert("La"), None)) - plain)[10:].max() <= 6


@pytest.mark.parametrize(("mode", "transparent"), [("P", 5), ("L", 90), ("RGB", (1, 2, 3))])
def test_one_transparent_colour_shows_white(mode: str, transparent: int | tuple[int, int, int]) -> None:
    image = picture(mode).copy()
    image.paste(transparent, (0, 0, 20, 20))
    image.info["transparency"] = transparent
    found = _pixels(to_srgb(image, None))
    assert (found[:20, :20] == 255).all()
    assert (found[30:] < 255).any()


def test_a_palette_with_alpha_for_each_colour() -> None:
    image = picture("P").copy()
    image.info["transparency"] = bytes([0] * 256)
    with pytest.raises(CorruptImage, match="transparent"):
        to_srgb(image, None)
    image.info["transparency"] = bytes([255] * 256)
    assert np.array_equal(_pixels(to_srgb(image, None)), _pixels(picture("P").convert("RGB")))


def test_wholly_transparent_is_refused() -> None:
    with pytest.raises(CorruptImage, match="transparent"):
        to_srgb(Image.new("RGBA", (40, 40), (200, 100, 50, 0)), None)


def test_a_profile_changes_the_colours() -> None:
    image = picture()
    red, green, blue = image.split()
    expected = _pixels(Image.merge("RGB", (blue, green, red)))
    assert np.abs(_pixels(to_srgb(image, swapped_profile())) - expected).max() <= 2
    assert np.abs(_pixels(to_srgb(image, srgb_profile())) - _pixels(image)).max() <= 1


def test_a_profile_applies_to_the_colours_and_not_to_the_transparency() -> None:
    image = picture("RGBA")
    swapped = Image.merge("RGBA", [image.getchannel(k) for k in "BGRA"])
    difference = _pixels(to_srgb(image, swapped_profile())) - _pixels(to_srgb(swapped, None))
    assert np.abs(difference).max() <= 3


def test_an_rgb_profile_fits_a_grey_picture() -> None:
    image = picture("L")
    assert np.abs(_pixels(to_srgb(image, srgb_profile())) - _pixels(image.convert("RGB"))).max() <= 2


@pytest.mark.parametrize(
    "profile",
    [b"", b"x", srgb_profile()[:100], b"\0" * 16 + b"RGB " + b"\0" * 200],
    ids=["nothing", "a byte", "cut off", "a header alone"],
)
def test_a_broken_profile_is_refused(profile: bytes) -> None:
    with pytest.raises(CorruptImage, match="profile"):
        to_srgb(picture(), profile)


def test_a_profile_that_does_not_fit_is_refused() -> None:
    with pytest.raises(CorruptImage, match="does not fit"):
        to_srgb(picture("CMYK"), srgb_profile())
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with pytest.raises(CorruptImage, match="not one of a photograph"):
        to_srgb(picture(), lab)


def test_display_p3_is_as_everyone_knows_it() -> None:
    """The colours of sRGB that it holds, as CSS Color 4 converts them: red is (234, 51, 35) in it."""
    for stored, meant in (
        ((234, 51, 35), (255, 0, 0)),
        ((117, 251, 76), (0, 255, 0)),
        ((0, 0, 245), (0, 0, 255)),
        ((128, 128, 128), (128, 128, 128)),
        ((255, 255, 255), (255, 255, 255)),
        ((255, 0, 0), (255, 0, 0)),
    ):
        shown = _pixels(to_srgb(Image.new("RGB", (2, 2), stored), display_p3_profile()))
        assert np.abs(shown[0, 0] - meant).max() <= 4


def test_adobe_rgb_is_as_everyone_knows_it() -> None:
    """The colours of sRGB that it holds; red is (219, 0, 0) in it."""
    for stored, meant in (
        ((219, 0, 0), (255, 0, 0)),
        ((144, 255, 60), (0, 255, 0)),
        ((0, 0, 250), (0, 0, 255)),
        ((127, 127, 127), (128, 128, 128)),
        ((53, 53, 53), (50, 50, 50)),
        ((255, 255, 255), (255, 255, 255)),
        ((0, 0, 0), (0, 0, 0)),
    ):
        shown = _pixels(to_srgb(Image.new("RGB", (2, 2), stored), adobe_rgb_profile()))
        assert np.abs(shown[0, 0] - meant).max() <= 4


def test_bands_give_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [(picture("RGBA"), None), (picture("P"), None), (picture(), swapped_profile()), (picture("I;16"), None)]
    whole = [_pixels(to_srgb(image, profile)) for image, profile in cases]
    monkeypatch.setattr(colour, "_BAND_PIXELS", 500)
    for (image, profile), expected in zip(cases, whole, strict=True):
        assert np.array_equal(_pixels(to_srgb(image, profile)), expected)
