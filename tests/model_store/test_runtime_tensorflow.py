import subprocess
import sys
from pathlib import Path

import pytest

from model_store.errors import RuntimeUnavailable
from model_store.runtime import load_directory
from model_store.store import Store

REPOSITORY = Path(__file__).parents[2]


def test_it_has_one_precision(pristine: Store) -> None:
    with pytest.raises(RuntimeUnavailable, match="f32 only, not in bf16"):
        load_directory(pristine.path("classifier", 1), runtime="tensorflow", precision="bf16")


def test_threads_that_can_no_longer_be_limited_are_not_ignored(pristine: Store) -> None:
    path = pristine.path("classifier", 1)
    load_directory(path, runtime="tensorflow")
    with pytest.raises(RuntimeUnavailable, match="in use already"):
        load_directory(path, runtime="tensorflow", threads=1)


PROGRAM = """
import sys
from pathlib import Path
if sys.argv[3] == "absent":
    sys.modules[sys.argv[2]] = None  # cannot be imported
from model_store.errors import RuntimeUnavailable
from model_store.runtime import load_directory
try:
    runtime = load_directory(Path(sys.argv[1]), runtime=sys.argv[2], threads=1)
    print(runtime.name)
except RuntimeUnavailable as error:
    print(error)
"""


def run(path: Path, runtime: str, state: str) -> str:
    command = [sys.executable, "-c", PROGRAM, str(path), runtime, state]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize(("runtime", "name"), [("tensorflow", "TensorFlow"), ("openvino", "OpenVINO")])
def test_a_runtime_that_is_not_installed_says_so_and_no_other_takes_over(
    pristine: Store, runtime: str, name: str
) -> None:
    assert run(pristine.path("classifier", 1), runtime, "absent").startswith(f"{name} is not installed here")


def test_threads_are_limited_at_the_first_use(pristine: Store) -> None:
    assert run(pristine.path("classifier", 1), "tensorflow", "installed") == "tensorflow"
