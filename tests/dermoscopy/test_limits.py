import pytest
from PIL import Image

from dermoscopy.errors import CorruptImage, EmptyImage, ImageTooSmall, TooManyBytes, TooManyPixels
from dermoscopy.limits import PILLOW_WARNS_ABOVE, Limits


def test_bytes() -> None:
    limits = Limits(max_bytes=100)
    limits.check_bytes(100)
    with pytest.raises(TooManyBytes, match="100 bytes"):
        limits.check_bytes(101)
    with pytest.raises(EmptyImage):
        limits.check_bytes(0)


def test_pixels() -> None:
    limits = Limits(max_pixels=10_000, min_side=32)
    limits.check_pixels(100, 100)
    limits.check_pixels(32, 312)
    with pytest.raises(TooManyPixels, match="10000 pixels"):
        limits.check_pixels(100, 101)
    with pytest.raises(TooManyPixels, match="5000 pixels"):
        limits.check_pixels(100, 100, weight=2)
    for width, height in ((31, 200), (200, 31)):
        with pytest.raises(ImageTooSmall):
            limits.check_pixels(width, height)
    for width, height in ((0, 50), (50, 0), (-50, 50)):
        with pytest.raises(CorruptImage):
            limits.check_pixels(width, height)


@pytest.mark.parametrize(
    "wrong", [{"max_bytes": 0}, {"max_pixels": 0}, {"min_side": 0}, {"max_pixels": PILLOW_WARNS_ABOVE + 1}]
)
def test_senseless_limits_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="m"):
        Limits(**wrong)


def test_the_bound_is_pillows_own() -> None:
    assert PILLOW_WARNS_ABOVE == Image.MAX_IMAGE_PIXELS
