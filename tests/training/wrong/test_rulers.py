from collections.abc import Callable

import numpy as np
import pytest

from training.wrong.patterns import Pixels, Random
from training.wrong.rulers import across, at_edge, blocks, tape

MAGENTA = np.full((224, 224, 3), (200, 0, 200), np.uint8)
Ruler = Callable[[Random, Pixels], Pixels]


def _covered(ruler: Ruler, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray((ruler(np.random.default_rng(seed), MAGENTA) != MAGENTA).any(axis=2))


@pytest.mark.parametrize("ruler", [across, blocks, tape])
def test_a_large_ruler_covers_much_of_the_picture_and_of_its_middle(ruler: Ruler) -> None:
    for seed in range(12):
        covered = _covered(ruler, seed)
        assert 0.2 < covered.mean() < 0.9
        assert covered[84:140, 84:140].mean() > 0.3


def test_a_ruler_at_the_edge_leaves_the_middle_alone() -> None:
    for seed in range(12):
        covered = _covered(at_edge, seed)
        assert 0 < covered.mean() < 0.2
        assert not covered[56:168, 56:168].any()


@pytest.mark.parametrize("ruler", [across, at_edge, blocks, tape])
def test_the_same_numbers_give_the_same_ruler(ruler: Ruler) -> None:
    one, again, other = (ruler(np.random.default_rng(seed), MAGENTA) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_a_ruler_reaches_as_far_in_as_it_was_asked_to() -> None:
    for seed in range(6):
        covered = at_edge(np.random.default_rng(seed), MAGENTA, 0.3) != MAGENTA
        assert covered.any(axis=2).mean() == pytest.approx(0.3, abs=0.03)
