import numpy as np
import pytest

from dermoscopy.synthesis.fields import axis, blend, noise, octaves, smoothstep, worley
from dermoscopy.synthesis.scene import stream


def test_axis_holds_the_centres_of_the_pixels() -> None:
    assert axis(4).tolist() == [0.125, 0.375, 0.625, 0.875]


def test_smoothstep_rises_from_0_to_1() -> None:
    values = smoothstep(0.2, 0.6, np.array([-1.0, 0.2, 0.4, 0.6, 2.0]))
    assert values == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])
    assert (np.diff(smoothstep(0.0, 1.0, np.linspace(0, 1, 50))) > 0).all()


@pytest.mark.parametrize("cells", [3, 9, 40])
def test_noise_is_smooth_centred_and_of_about_unit_size(cells: int) -> None:
    fields = [noise(stream(seed, 0), 200, cells) for seed in range(6)]
    assert abs(np.mean(fields)) < 0.3
    assert 0.3 < np.std(fields) < 0.8
    assert np.abs(np.diff(fields, axis=1)).max() < 4.5 * cells / 200


def test_noise_is_the_same_field_at_every_size() -> None:
    coarse, fine = noise(stream(1, 0), 50, 5), noise(stream(1, 0), 150, 5)
    assert coarse == pytest.approx(fine[1::3, 1::3])


def test_octaves_add_detail() -> None:
    one, four = octaves(stream(1, 0), 200, 4, 1), octaves(stream(1, 0), 200, 4, 4)
    assert np.abs(np.diff(four, axis=0)).mean() > 1.5 * np.abs(np.diff(one, axis=0)).mean()


def test_worley_measures_the_distance_to_the_nearest_points() -> None:
    """Against all points at once, without the shortcut of looking only into the neighbouring cells."""
    cells, side = 6, 30
    nearest, _, _ = worley(stream(2, 0), side, cells)
    rng = stream(2, 0)
    points = rng.uniform(0.1, 0.9, (2, cells + 2, cells + 2))
    rows, columns = np.indices((cells + 2, cells + 2)) - 1 + points
    y, x = np.meshgrid(axis(side) * cells, axis(side) * cells, indexing="ij")
    every = np.hypot(rows.reshape(-1, 1, 1) - y, columns.reshape(-1, 1, 1) - x)
    assert nearest == pytest.approx(every.min(axis=0))


def test_worley_orders_its_distances_and_labels_its_cells() -> None:
    nearest, second, owner = worley(stream(3, 0), 60, 8)
    assert (nearest <= second).all()
    assert 0.0 <= owner.min() < owner.max() <= 1.0
    assert 30 < len(np.unique(owner)) <= 100


def test_blend_moves_a_canvas_towards_a_colour() -> None:
    canvas = np.full((3, 2, 2), 100.0)
    blend(canvas, (200.0, 100.0, 0.0), np.array([[0.0, 0.5], [1.0, 0.25]]))
    assert canvas[0].tolist() == [[100.0, 150.0], [200.0, 125.0]]
    assert (canvas[1] == 100.0).all()
    assert canvas[2].tolist() == [[100.0, 50.0], [0.0, 75.0]]
