import json
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from training.accelerator.learned import BadWeights, Learned, give, read_learned, weights_of
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


def _write(file: Path, **arrays: object) -> Path:
    np.savez(file, **arrays)  # type: ignore[arg-type]  # its stubs take the names for options
    return file


def test_what_a_file_holds(tmp_path: Path) -> None:
    values: NDArray[np.float16] = np.arange(3, dtype=np.float16)
    text = json.dumps({"split": "abc"})
    file = _write(tmp_path / "a.npz", described=text, history="[]", **{"weight-0": values, "weight-1": values + 1})
    learned = read_learned(file)
    assert learned.described == {"split": "abc"}
    assert learned.history == []
    assert [one.tolist() for one in learned.weights] == [[0, 1, 2], [1, 2, 3]]
    assert learned.weights[0].dtype == np.float32


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    for file in (tmp_path / "text.npz", _write(tmp_path / "other.npz", something=np.zeros(1))):
        with pytest.raises(BadWeights, match=f"{file} holds no learned weights"):
            read_learned(file)
