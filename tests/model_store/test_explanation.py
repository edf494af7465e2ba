import numpy as np
import pytest

from model_store.explanation import evidence


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 4), (4, 0), (2, 3)])
def test_it_is_strongest_in_its_place_and_less_the_further_away(row: int, column: int) -> None:
    places = np.zeros((5, 5), np.float32)
    places[row, column] = 0.3
    found = evidence(places, 100, 200)
    assert found.shape == (100, 200)
    assert found.max() == pytest.approx(1)
    middle = (row * 20 + 10, column * 40 + 20)
    assert found[middle] > 0.99
    assert found[middle[0], (middle[1] + 100) % 200] < 0.1


def test_it_adds_up() -> None:
    places = np.zeros((5, 5), np.float32)
    places[0, 0] = places[0, 1] = 1
    places[4, 4] = 1.2
    found = evidence(places, 224, 224)
    assert found[22, 45] > 0.99  # two places that say the same are more than a stronger lone one
    assert found[201, 201] < 0.8


def test_evidence_against_is_none() -> None:
    assert not evidence(np.full((5, 5), -1, np.float32), 10, 10).any()
    both = np.zeros((5, 5), np.float32)
    both[1, 1], both[1, 2] = 1, -5
    alone = np.zeros((5, 5), np.float32)
    alone[1, 1] = 1
    assert np.array_equal(evidence(both, 50, 50), evidence(alone, 50, 50))
