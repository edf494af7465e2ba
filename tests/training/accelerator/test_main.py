import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_service import ROOT
from training.accelerator.__main__ import main

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
