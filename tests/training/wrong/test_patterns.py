from collections.abc import Callable

import numpy as np
import pytest

from training.wrong import documents, patterns, skins
from training.wrong.patterns import Pixels, Random, finished

MADE = [
    patterns.flat, patterns.noise, patterns.clouds, patterns.gradients, patterns.stripes, patterns.cells,
    patterns.speckles, patterns.shapes, documents.pages, documents.screens, documents.charts, documents.handwriting,
    skins.skin, skins.plain_skin,
]  # fmt: skip


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_a_kind_is_the_same_for_the_same_numbers_only(make: Callable[[Random], Pixels]) -> None:
    one, again, other = (make(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (224, 224, 3)
    assert one.dtype == np.uint8
    assert (one == again).all()
    assert (one != other).any()


def test_values_are_cut_off() -> None:
    assert finished(np.array([-3.0, 0.6, 300.0])).tolist() == [0, 1, 255]
