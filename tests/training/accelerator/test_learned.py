import keras
import numpy as np
import pytest

from training.accelerator.learned import give, weights_of
from training.accelerator.stored import BadWeights, Learned
from training.network import build_network


def test_weights_that_were_packed_come_back(network: keras.Model) -> None:
    weights = weights_of(network)
    assert len(weights) == 56
    assert [weights[-2].shape, weights[-1].shape] == [(1024, 7), (7,)]
    other = build_network("none")
    give(other, Learned(weights, {}, []))
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    assert np.array_equal(np.asarray(other(image)), np.asarray(network(image)))


@pytest.mark.parametrize("change", [lambda weights: weights[:-1], lambda weights: [weights[0].T, *weights[1:]]])
def test_weights_of_another_network(network: keras.Model, change: object) -> None:
    assert callable(change)
    with pytest.raises(BadWeights, match="another network"):
        give(build_network("none"), Learned(change(weights_of(network)), {}, []))
