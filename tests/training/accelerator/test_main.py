import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_service import ROOT
from tests.training.accelerator.packed import Packed
from training.accelerator.__main__ import main
from training.accelerator.stored import Learned, write_learned

NEEDLESS = ("tensorflow", "keras", "pydantic", "openvino")


def test_a_folder_without_a_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} holds no pack")
    assert not (tmp_path / "out").exists()


def test_it_needs_nothing_of_ours_that_is_not_there() -> None:
    """A machine with an accelerator has JAX, and none of what the rest of the training side is built on."""
    code = "import json, sys, training.accelerator.__main__; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = json.loads(ran.stdout)
    assert "jax" in modules
    assert not set(NEEDLESS) & set(modules)
    ours = {name for name in modules if name.split(".")[0] in ("training", "model_store", "dermoscopy", "service")}
    allowed = {"training", "training.front_matrices", "training.variation"}
    assert {name for name in ours if not name.startswith("training.accelerator")} == allowed


def test_help_names_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert "--distillation" in shown
    assert "--only NAME" in shown


def test_weights_of_teachers_that_there_are_none_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), str(tmp_path / "out"), "--teacher-weights", "lite2.npz"])
    assert stopped.value.code == 2
    assert "--teacher-weights is of no use without --teachers" in capsys.readouterr().err


def test_weights_of_something_else(packed: Packed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.npz"
    write_learned(file, Learned(packed.pack.weights, {"network": "efficientnet-lite0"}, []))
    options = ["--teachers", "1", "--teacher-weights", str(file)]
    assert main([str(packed.folder), str(tmp_path / "out"), *options]) == 1
    assert f"error: {file} holds no network that could teach" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
