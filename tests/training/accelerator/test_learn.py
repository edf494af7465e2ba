from pathlib import Path

import numpy as np
import pytest

from tests.training.accelerator.packed import Packed
from training.accelerator.__main__ import main
from training.accelerator.learned import Learned, read_learned


@pytest.fixture(scope="module")
def learned(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Learned]:
    out = tmp_path_factory.mktemp("learned")
    assert main([str(packed.folder), str(out), "--seed", "7"]) == 0
    return out, read_learned(out / "classifier.npz")


def test_it_learns(packed: Packed, learned: tuple[Path, Learned]) -> None:
    """Painted malignant lesions are dark: even random features tell that within a few steps."""
    history = learned[1].history
    assert [line["epoch"] for line in history] == [0, 1, 2, 3]
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert history[-1]["validation_auc"] > 0.8
    pairs = list(zip(learned[1].weights, packed.pack.weights, strict=True))
    assert all(after.shape == before.shape and np.isfinite(after).all() for after, before in pairs)
    assert all(not np.array_equal(after, before) for after, before in pairs)


def test_it_says_how_it_was_learned(packed: Packed, learned: tuple[Path, Learned]) -> None:
    described = learned[1].described
    assert described["split"] == packed.split.digest(packed.table)
    assert described["recipe"]["seed"] == 7  # as asked for
    assert described["recipe"]["batch"] == 8  # as packed
    assert described["device"]


def test_what_is_done_is_not_done_again(packed: Packed, learned: tuple[Path, Learned]) -> None:
    file = learned[0] / "classifier.npz"
    before = file.stat().st_mtime_ns
    assert main([str(packed.folder), str(learned[0])]) == 0
    assert file.stat().st_mtime_ns == before
    assert [found.name for found in learned[0].iterdir()] == ["classifier.npz"]


def test_teachers_come_first(packed: Packed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--teachers", "2", "--teacher-epochs", "1", "--epochs", "1", "--steps", "2"]
    assert main([str(packed.folder), str(tmp_path), *options]) == 0
    printed = capsys.readouterr()
    lines = [line.split(": epoch")[0] for line in (printed.out + printed.err).splitlines() if ", loss " in line]
    assert [line.split("\r")[-1].strip() for line in lines] == [
        "classifier: teacher 1",
        "classifier: teacher 2",
        "classifier",
    ]
    assert read_learned(tmp_path / "classifier.npz").described["recipe"]["teachers"] == 2
