import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermoscopy.__main__ import main
from dermoscopy.render import render_lesion


def test_render_writes_the_picture(tmp_path: Path) -> None:
    out = tmp_path / "sample.png"
    assert main(["render", str(out), "--seed", "7", "--malignancy", "0.8", "--side", "96"]) == 0
    with Image.open(out) as image:
        assert np.array_equal(np.asarray(image), render_lesion(7, side=96, malignancy=0.8))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seed", "-1"], "seed must not be negative"),
        (["--malignancy", "2"], "malignancy between 0 and 1"),
        (["--side", "many"], "invalid int value"),
    ],
)
def test_a_wrong_argument_is_explained(
    tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["render", str(tmp_path / "sample.png"), *arguments])
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "sample.png").exists()


def test_it_is_a_command(tmp_path: Path) -> None:
    out = tmp_path / "sample.jpg"
    subprocess.run([sys.executable, "-m", "dermoscopy", "render", str(out), "--side", "64"], check=True, timeout=60)
    with Image.open(out) as image:
        assert image.size == (64, 64)
