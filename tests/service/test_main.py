"""The way in: what a start does without."""

import subprocess
import sys
from pathlib import Path

from tests.running_service import ROOT
from tests.tiny_models import MELANOMA, picture, png

PROGRAM = """
import gc, os, sys
from service.__main__ import main
status = main(sys.argv[1:])
print(status, gc.isenabled(), os.environ["OPENBLAS_NUM_THREADS"], os.environ["PYDANTIC_DISABLE_PLUGINS"])
print(sorted(name for name in ("fastapi", "httpx", "openvino.tools.ovc", "sqlalchemy") if sys.modules.get(name)))
"""


def test_an_image_is_classified_without_a_web_framework_or_a_client(pristine_store: Path, tmp_path: Path) -> None:
    (tmp_path / "lesion.png").write_bytes(png(picture(MELANOMA)))
    arguments = ["classify", str(tmp_path / "lesion.png"), "--store", str(pristine_store), "--state", str(tmp_path)]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    answer, *end = done.stdout.splitlines()[-3:]
    assert "malignant" in answer
    assert end == ["0 True 1 __all__", "[]"]
