import numpy as np
import pytest

from dermoscopy.constancy import shades_of_grey
from dermoscopy.render import render_lesion


def test_the_colour_of_the_light_goes() -> None:
    white = render_lesion(4).astype(np.float64) * 0.8
    warm, cold = (np.rint(white * light).astype(np.uint8) for light in ((1.1, 1.0, 0.85), (0.9, 1.0, 1.12)))
    apart = np.abs(warm.astype(int) - cold).mean()
    assert np.abs(shades_of_grey(warm).astype(int) - shades_of_grey(cold)).mean() < apart / 8


def test_a_grey_picture_stays() -> None:
    grey = np.repeat(np.random.default_rng(0).integers(60, 200, (32, 32, 1)), 3, axis=2).astype(np.uint8)
    assert np.array_equal(shades_of_grey(grey), grey)


def test_a_dark_frame_takes_no_part() -> None:
    picture = np.full((64, 64, 3), (200, 150, 120), np.uint8)
    framed = picture.copy()
    framed[:20] = (0, 0, 30)
    assert shades_of_grey(framed)[40, 40].tolist() == pytest.approx(shades_of_grey(picture)[40, 40].tolist(), abs=1)
    dark = np.zeros((8, 8, 3), np.uint8)
    assert shades_of_grey(dark) is dark
