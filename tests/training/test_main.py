"""The way in: what somebody is told who has only what `make serve` installs."""

import subprocess
import sys

import pytest

from tests.running_service import ROOT

PROGRAM = """
import sys
sys.modules[{missing!r}] = None
from training.__main__ import main
sys.argv[1:] = ["data"]
sys.exit(main())
"""


def _told(missing: str) -> str:
    command = [sys.executable, "-c", PROGRAM.format(missing=missing)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@pytest.mark.parametrize("package", ["scipy", "tqdm"])
def test_a_package_that_is_missing_is_told_with_what_installs_it(package: str) -> None:
    advice = "`make .venv/training` installs what training needs"
    assert _told(package) == f"error: {package} is not installed here; {advice}\n"


def test_a_fault_of_our_own_is_none_of_them() -> None:
    told = _told("training.splits")
    assert told.startswith("Traceback")
    assert ".venv/training" not in told
