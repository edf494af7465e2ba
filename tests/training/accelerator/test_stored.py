import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.accelerator.stored import BadWeights, Learned, read_learned, write_learned


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_what_is_written_is_read(tmp_path: Path, kind: type[np.floating]) -> None:
    learned = Learned([np.full((2, 3), 0.1, np.float32), np.ones(3, np.float32)], {"split": "abc"}, [{"loss": 0.5}])
    write_learned(tmp_path / "a.npz", learned, kind)
    found = read_learned(tmp_path / "a.npz")
    assert (found.described, found.history) == (learned.described, learned.history)
    assert found.weights[0].tolist() == np.full((2, 3), 0.1, kind).tolist()
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


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
