from collections.abc import Callable

import numpy as np
import pytest

from dermoscopy.render import render_lesion
from training.wrong.hairs import fur, strands
from training.wrong.patterns import Pixels, Random

WHITE = np.full((224, 224, 3), 255, np.uint8)
Hair = Callable[[Random, Pixels, float], Pixels]


@pytest.mark.parametrize("cover", [strands, fur])
@pytest.mark.parametrize("share", [0.08, 0.6])
def test_as_much_is_covered_as_was_asked_for(cover: Hair, share: float) -> None:
    for seed in range(4):
        covered = cover(np.random.default_rng(seed), WHITE, share)
        under = 1 - covered.min(axis=2) / 255
        # Less than opaque, and light hair on white differs least.
        assert (under > 0.02).mean() == pytest.approx(share, abs=0.25 * share + 0.03)


@pytest.mark.parametrize("cover", [strands, fur])
def test_what_is_beside_the_hair_is_the_picture(cover: Hair) -> None:
    picture = render_lesion(3)
    covered = cover(np.random.default_rng(1), picture, 0.1)
    assert 0.7 < (covered == picture).all(axis=2).mean() < 0.97


@pytest.mark.parametrize("cover", [strands, fur])
def test_the_same_numbers_give_the_same_hair(cover: Hair) -> None:
    one, again, other = (cover(np.random.default_rng(seed), WHITE, 0.3) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()
