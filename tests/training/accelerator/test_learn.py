import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.accelerator.packed import Packed
from tests.training.accelerator.torch_names import state_of
from training.accelerator import efficientnet_lite, teachers
from training.accelerator.__main__ import main
from training.accelerator.efficientnet_lite import EfficientNetLite
from training.accelerator.stored import Learned, read_learned, write_learned
from training.accelerator.teacher_weights import folded


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
    assert main([str(packed.folder), str(learned[0]), "--seed", "7"]) == 0
    assert file.stat().st_mtime_ns == before
    assert [found.name for found in learned[0].iterdir()] == ["classifier.npz"]


def test_what_was_learned_otherwise_is_not_taken_for_done(
    copied: Path, learned: tuple[Path, Learned], capsys: pytest.CaptureFixture[str]
) -> None:
    """By another recipe, or from a pack in which labels were corrected since."""
    file = learned[0] / "classifier.npz"
    before = file.stat().st_mtime_ns
    assert main([str(copied), str(learned[0])]) == 1  # with another seed
    refused = f"error: {file} was learned by another recipe or from other images: move it away to learn it anew\n"
    assert capsys.readouterr().err.endswith(refused)
    described = json.loads((copied / "pack.json").read_text())
    described["jobs"]["classifier"]["dataset"]["labels"] = "corrected"
    (copied / "pack.json").write_text(json.dumps(described))
    assert main([str(copied), str(learned[0]), "--seed", "7"]) == 1
    assert capsys.readouterr().err.endswith(refused)
    assert file.stat().st_mtime_ns == before


def test_a_network_that_the_pack_does_not_have(
    packed: Packed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(packed.folder), str(tmp_path), "--only", "clasifier"]) == 1
    assert capsys.readouterr().err.endswith("error: the pack has no network clasifier; it has classifier\n")


def _learned_by(printed: str) -> list[str]:
    """Who learned, in the order of the lines of the epochs."""
    lines = [line.split(": epoch")[0] for line in printed.splitlines() if ", loss " in line]
    return [line.split("\r")[-1].strip() for line in lines]


SHORT = ["--teacher-epochs", "1", "--epochs", "1", "--steps", "2"]


def test_teachers_come_first(packed: Packed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(packed.folder), str(tmp_path), "--teachers", "2", *SHORT]) == 0
    printed = capsys.readouterr()
    assert _learned_by(printed.out + printed.err) == ["classifier: teacher 1", "classifier: teacher 2", "classifier"]
    assert "classifier: what 2 of its teachers say together, validation AUC 0." in printed.out
    described = read_learned(tmp_path / "classifier.npz").described
    assert described["recipe"]["teachers"] == 2
    assert "taught_by" not in described
    first, second = (read_learned(tmp_path / f"classifier-teacher-{number}.npz") for number in (1, 2))
    assert not np.array_equal(first.weights[0], second.weights[0])


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of an EfficientNet-Lite of three blocks, which takes seconds to compile."""
    monkeypatch.setattr(efficientnet_lite, "_STAGES", efficientnet_lite._STAGES[:3])
    lite = EfficientNetLite("efficientnet-lite-tiny", 1.0, 0.5)
    monkeypatch.setattr(teachers, "LITES", (lite,))
    weights = folded(state_of(lite), lite)
    write_learned(
        tmp_path / "tiny.npz", Learned(weights, {"network": lite.name, "source": "a.pth", "sha256": "0f"}, [])
    )
    return tmp_path / "tiny.npz"


def test_a_teacher_of_another_kind(
    packed: Packed, tmp_path: Path, given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And that it is kept: it teaches again, but neither learns again nor is taken for one that learned otherwise."""
    out = tmp_path / "out"
    command = [str(packed.folder), str(out), "--teachers", "1", "--teacher-weights", str(given), *SHORT]
    assert main(command) == 0
    first, teacher = read_learned(out / "classifier.npz"), read_learned(out / "classifier-teacher-1.npz")
    assert first.described["taught_by"] == "efficientnet-lite-tiny: a.pth (sha256 0f)"
    assert [values.shape for values in first.weights] == [values.shape for values in packed.pack.weights]
    assert teacher.weights[-2].shape == (1280, 7)
    assert teacher.weights[-2].any()
    capsys.readouterr()

    (out / "classifier.npz").unlink()
    assert main(command) == 0
    printed = capsys.readouterr()
    assert _learned_by(printed.out + printed.err) == ["classifier"]
    again = read_learned(out / "classifier.npz")
    assert all(np.array_equal(*pair) for pair in zip(again.weights, first.weights, strict=True))

    (out / "classifier.npz").unlink()
    assert main([*command, "--teacher-learning-rate", "0.01"]) == 1
    assert "classifier-teacher-1.npz was learned by another recipe" in capsys.readouterr().err
