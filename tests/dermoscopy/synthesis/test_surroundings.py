from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.synthesis.scene import draw
from dermoscopy.synthesis.surroundings import bubbles, camera, hairs, light, skin

_SIDE = 120


def _plain() -> NDArray[np.float64]:
    return np.full((3, _SIDE, _SIDE), 150.0)


def test_skin_has_its_colour_and_a_texture() -> None:
    scene = draw(1, 0.5)
    painted = skin(scene, _SIDE)
    assert painted.mean(axis=(1, 2)) == pytest.approx(scene.skin, abs=20)
    assert painted.std(axis=(1, 2)).min() > 2


@pytest.mark.parametrize("count", [0, 3, 12])
def test_hairs_cover_more_the_more_there_are(count: int) -> None:
    canvas = _plain()
    hairs(replace(draw(4, 0.5), hairs=count), canvas)
    covered = np.count_nonzero(canvas[0] < 149) / _SIDE**2
    assert covered == 0 if count == 0 else 0.003 * count < covered < 0.05 * count


def test_hairs_are_thin_at_every_size() -> None:
    covered = []
    for side in (100, 400):
        canvas = np.full((3, side, side), 150.0)
        hairs(replace(draw(4, 0.5), hairs=6), canvas)
        covered.append(np.mean(150 - canvas[0]))
    assert covered[1] == pytest.approx(covered[0], rel=0.5)


def test_bubbles_are_small_and_glint() -> None:
    canvas = _plain()
    bubbles(replace(draw(5, 0.5), bubbles=4), canvas)
    changed = np.abs(canvas - 150).max(axis=0) > 1
    assert 0 < changed.mean() < 0.1
    assert canvas.max() > 180
    assert canvas.min() < 140


def test_the_vignette_is_black_outside_and_light_inside() -> None:
    canvas = _plain()
    light(replace(draw(6, 0.5), vignette=0.45), canvas)
    corners = canvas[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.max() < 10
    assert canvas[:, 50:70, 50:70].min() > 130
    bright = _plain()
    light(replace(draw(6, 0.5), vignette=0.9), bright)
    assert bright.min() > 60


def test_the_sensor_adds_noise_and_a_tint() -> None:
    canvas = _plain()
    camera(draw(7, 0.5), canvas)
    assert 0.5 < canvas[0].std() < 3
    assert np.abs(canvas.mean(axis=(1, 2)) - 150).max() < 9
