import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from dermoscopy.prepare import Prepared, prepare
from dermoscopy.quality import Measures, brightness, colour, hair_share, measure, measure_pixels
from dermoscopy.render import render_lesion


def measured(pixels: NDArray[np.uint8]) -> Measures:
    return measure_pixels(pixels, 224)


@pytest.fixture(params=range(4))
def lesion(request: pytest.FixtureRequest) -> NDArray[np.uint8]:
    return render_lesion(request.param, malignancy=request.param / 3)


def test_blur_lowers_sharpness_the_more_the_stronger(lesion: NDArray[np.uint8]) -> None:
    blurred = [np.asarray(Image.fromarray(lesion).filter(ImageFilter.GaussianBlur(sigma))) for sigma in (1, 2, 4)]
    found = [measured(pixels).sharpness for pixels in (lesion, *blurred)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.35
    assert found[2] < 0.6 * found[0]


def test_sharpness_is_the_same_in_less_light(lesion: NDArray[np.uint8]) -> None:
    darker = np.asarray(ImageEnhance.Brightness(Image.fromarray(lesion)).enhance(0.7))
    assert measured(darker).sharpness == pytest.approx(measured(lesion).sharpness, rel=0.25)


def test_light_and_whiteness_follow_brightness(lesion: NDArray[np.uint8]) -> None:
    darker, brighter = (
        measured(np.asarray(ImageEnhance.Brightness(Image.fromarray(lesion)).enhance(factor))) for factor in (0.5, 3)
    )
    assert darker.light < 0.7 * measured(lesion).light
    assert brighter.whiteness > measured(lesion).whiteness


def test_a_dark_frame_is_not_the_picture() -> None:
    whole = render_lesion(1)
    framed = whole.copy()
    framed[:60] = framed[-60:] = 0
    assert measured(framed).light == pytest.approx(measured(whole).light, abs=12)
    assert measured(framed).whiteness > 100


def test_a_picture_that_is_all_dark_is_measured_too() -> None:
    found = measured(np.full((224, 224, 3), 7, np.uint8))
    assert (found.light, found.whiteness, found.sharpness) == (7, 7, 0)
    assert found.contrast == pytest.approx(0, abs=0.1)


def test_a_picture_has_colours_unless_it_is_grey(lesion: NDArray[np.uint8]) -> None:
    assert measured(lesion).colour > 10
    assert colour(np.broadcast_to(np.array([200, 120, 90], np.uint8), (224, 224, 3))) == 110
    grey = np.asarray(Image.fromarray(lesion).convert("L").convert("RGB"))
    assert measured(grey).colour == 0
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=60)
    assert measure(prepare(file.getvalue())).colour < 0.1


def test_hair_is_the_share_of_thin_dark_lines() -> None:
    skin = np.full((224, 224), 180, np.uint8)
    assert hair_share(skin) == 0
    skin[:, 10::40] = 40
    assert hair_share(skin) == pytest.approx(6 / 224)
    thick = np.full((224, 224), 180, np.uint8)
    thick[:, 50:90] = 40
    assert hair_share(thick) == 0


def test_glare_is_the_share_of_white() -> None:
    pixels = np.full((224, 224, 3), 150, np.uint8)
    pixels[:56] = (250, 245, 241)
    pixels[-56:] = (255, 255, 200)  # yellow is no lamp
    assert measured(pixels).glare == 0.25


@pytest.mark.parametrize(("width", "height"), [(400, 100), (100, 400)])
def test_the_file_s_sides(width: int, height: int) -> None:
    found = measure(Prepared(render_lesion(1), "image/png", width, height))
    assert (found.side, found.elongation) == (100, 4)


def test_brightness_is_bt601() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert brightness(colours).tolist() == [[76, 149, 28, 255]]


def test_hair_is_measured_for_who_asks_and_the_rest_is_the_same(lesion: NDArray[np.uint8]) -> None:
    whole, rest = measure_pixels(lesion, 224), measure_pixels(lesion, 224, hair=False)
    assert np.isnan(rest.hair)
    assert replace(rest, hair=whole.hair) == whole
