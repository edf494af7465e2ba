import numpy as np
import pytest
from PIL import Image

from dermoscopy.decode import decode
from dermoscopy.errors import ImageTooSmall
from dermoscopy.limits import Limits
from dermoscopy.prepare import SIDE, prepare, resize
from dermoscopy.render import render_lesion
from tests.dermoscopy.files import encode, exif, insert_segment, valid_files


def _photograph(width: int, height: int) -> Image.Image:
    image = Image.fromarray(render_lesion(11, side=512, malignancy=0.8))
    return image.resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", valid_files())
def test_every_file_becomes_one_array(name: str) -> None:
    data, media_type = valid_files()[name]
    prepared = prepare(data)
    assert prepared.pixels.shape == (SIDE, SIDE, 3)
    assert prepared.pixels.dtype == np.uint8
    assert prepared.pixels.flags.c_contiguous
    assert prepared.pixels.flags.writeable
    assert prepared.media_type == media_type
    assert sorted((prepared.width, prepared.height)) == [56, 72]


def test_the_whole_frame_is_squashed_into_the_square() -> None:
    image = Image.new("RGB", (600, 400), (0, 200, 0))
    image.paste((200, 0, 0), (0, 0, 300, 400))
    pixels = resize(image)
    assert (pixels[:, : SIDE // 2 - 2] == (200, 0, 0)).all()
    assert (pixels[:, SIDE // 2 + 2 :] == (0, 200, 0)).all()


def test_the_resize_is_antialiased() -> None:
    stripes = np.zeros((896, 896, 3), np.uint8)
    stripes[::2] = 255
    # At the two ends the filter is cut off.
    assert np.abs(resize(Image.fromarray(stripes)).astype(int)[1:-1] - 127.5).max() < 3


def test_a_picture_of_the_right_size_is_unchanged() -> None:
    pixels = render_lesion(2)
    assert np.array_equal(resize(Image.fromarray(pixels)), pixels)
    assert np.array_equal(prepare(encode(Image.fromarray(pixels), "PNG")).pixels, pixels)


@pytest.mark.parametrize("size", [(1022, 767), (1504, 1129), (2048, 1536), (3000, 700)])
@pytest.mark.parametrize("progressive", [False, True])
def test_reduced_decoding_comes_close_to_the_full_one(size: tuple[int, int], progressive: bool) -> None:
    data = encode(_photograph(*size), "JPEG", quality=88, progressive=progressive)
    difference = np.abs(prepare(data).pixels.astype(int) - resize(decode(data).image))
    assert difference.mean() < 1.0
    assert np.quantile(difference, 0.99) <= 8


def test_a_turned_file_gives_the_pixels_of_the_upright_one() -> None:
    upright = _photograph(600, 450)
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    expected = prepare(encode(upright, "PNG"))
    turned = prepare(encode(stored, "PNG", exif=exif(6)))
    assert np.array_equal(turned.pixels, expected.pixels)
    assert (turned.width, turned.height) == (expected.width, expected.height) == (600, 450)


def test_metadata_changes_no_pixel() -> None:
    data = encode(_photograph(640, 480), "JPEG")
    noisy = insert_segment(insert_segment(data, 0xFE, b"comment"), 0xED, b"Photoshop 3.0\0" + bytes(500))
    assert np.array_equal(prepare(noisy).pixels, prepare(data).pixels)


def test_limits_apply() -> None:
    with pytest.raises(ImageTooSmall):
        prepare(encode(_photograph(60, 60), "PNG"), limits=Limits(min_side=61))
