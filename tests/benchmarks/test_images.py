import hashlib
import io

import pytest
from PIL import Image

from benchmarks import images
from benchmarks.images import SIZES, USUAL, distinct, photographs, various

TOLERANCE = 0.1


@pytest.fixture(scope="module")
def rendered() -> dict[str, images.ImageFile]:
    return photographs()


@pytest.mark.parametrize("name", SIZES)
def test_a_photograph_has_the_size_that_it_is_called_by(rendered: dict[str, images.ImageFile], name: str) -> None:
    with Image.open(io.BytesIO(rendered[name].data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", SIZES[name])
        assert picture.getexif()[0x0112] == 1


@pytest.mark.parametrize("name", SIZES)
def test_a_photograph_has_as_many_bytes_per_pixel_as_a_camera_writes(
    rendered: dict[str, images.ImageFile], name: str
) -> None:
    width, height = SIZES[name]
    assert len(rendered[name].data) == pytest.approx(190_000 * width * height / (1022 * 767), rel=TOLERANCE)
    assert len(rendered[USUAL].data) == pytest.approx(190_000, rel=TOLERANCE)


def test_various_images_differ_in_all_ways() -> None:
    files = list(various(12))
    assert len({hashlib.sha256(file.data).digest() for file in files}) == 12
    pictures = [Image.open(io.BytesIO(file.data)) for file in files]
    assert len({picture.size for picture in pictures}) == 3
    kinds = {(picture.format, file.media_type) for picture, file in zip(pictures, files, strict=True)}
    assert kinds == {("JPEG", "image/jpeg"), ("PNG", "image/png")}


def test_distinct_files_are_all_different_and_as_large_as_a_photograph(rendered: dict[str, images.ImageFile]) -> None:
    files = list(distinct(5))
    assert len({hashlib.sha256(data).hexdigest() for data in files}) == 5
    for data in files:
        assert len(data) == pytest.approx(len(rendered[USUAL].data), rel=2 * TOLERANCE)
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.size) == ("JPEG", SIZES[USUAL])
