from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.synthesis.lesion import paint, shape
from dermoscopy.synthesis.scene import Scene, draw

_SIDE = 120


def _painted(scene: Scene) -> NDArray[np.float64]:
    canvas = np.full((3, _SIDE, _SIDE), 200.0)
    paint(scene, canvas, shape(scene, _SIDE))
    return canvas


def test_a_lesion_without_irregularity_is_its_ellipse() -> None:
    scene = replace(draw(1, 0.0), irregularity=0.0, lobe_radius=0.0)
    where = shape(scene, _SIDE)
    area = np.count_nonzero(where.depth > 0) / _SIDE**2
    assert area == pytest.approx(np.pi * scene.radii[0] * scene.radii[1], rel=0.03)
    rows, columns = np.nonzero(where.depth > 0)
    assert ((columns.mean() + 0.5) / _SIDE, (rows.mean() + 0.5) / _SIDE) == pytest.approx(scene.centre, abs=0.01)


def test_a_lobe_adds_to_one_side() -> None:
    scene = replace(draw(1, 0.0), irregularity=0.0, lobe=(0.2, 0.0), lobe_radius=0.1)
    alone, joined = shape(replace(scene, lobe_radius=0.0), _SIDE).depth > 0, shape(scene, _SIDE).depth > 0
    added = np.argwhere(joined & ~alone)
    assert len(added) > 50
    assert (added[:, 1] / _SIDE > scene.centre[0]).all()


def test_the_border_is_soft_where_cover_is_between() -> None:
    sharp, soft = (replace(draw(2, 0.3), softness=width) for width in (0.05, 0.5))
    between = [np.count_nonzero((c > 0.02) & (c < 0.98)) for c in (shape(s, _SIDE).cover for s in (sharp, soft))]
    assert between[1] > 4 * between[0]


def test_skin_far_from_the_lesion_is_left_alone() -> None:
    scene = draw(3, 1.0)
    far = shape(scene, _SIDE).depth < -1.0
    assert far.any()
    assert (_painted(scene)[:, far] == 200.0).all()


@pytest.mark.parametrize("sign", ["network", "globules", "veil", "regression", "redness", "darkness"])
def test_every_sign_shows(sign: str) -> None:
    scene = draw(6, 1.0)
    without, with_it = (_painted(replace(scene, **{sign: k})) for k in (0.0, 1.0))  # type: ignore[arg-type]
    assert np.count_nonzero(np.abs(with_it - without).max(axis=0) > 10) > 40


def test_the_veil_is_blue() -> None:
    scene = replace(draw(6, 1.0), regression=0.0)
    change = _painted(replace(scene, veil=1.0)) - _painted(replace(scene, veil=0.0))
    most = change[2] > 30
    assert most.any()
    assert (change[2][most] > change[0][most]).all()
