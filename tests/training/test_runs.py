import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_service import ROOT
from training.runs import OtherRun, alone_in, remember


def test_a_run_goes_on_with_what_it_was_started_with_and_with_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    remember(folder, recipe={"epochs": 2}, split={"digest": "a"})
    remember(folder, recipe={"epochs": 2}, split={"digest": "a"})
    with pytest.raises(OtherRun, match=r"holds a run with another split; name another folder with --run"):
        remember(folder, recipe={"epochs": 2}, split={"digest": "b"})
    with pytest.raises(OtherRun, match="another recipe"):
        remember(folder, recipe={"epochs": 3}, split={"digest": "a"})
    assert (folder / "split.json").read_text() == '{\n  "digest": "a"\n}\n'


HOLD = """
import pathlib, sys
from training.runs import alone_in
with alone_in(pathlib.Path(sys.argv[1])):
    print(1, flush=True)
    input()
"""


def test_a_folder_in_which_another_process_works_is_left_to_it(tmp_path: Path) -> None:
    """Until it ends, however it does."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout
            assert other.stdout.readline() == b"1\n"
            refused = pytest.raises(OtherRun, match=f"another process is working in {tmp_path}/run; wait for it")
            with refused, alone_in(tmp_path / "run"):
                pass
        finally:
            other.kill()
    with alone_in(tmp_path / "run"):
        pass
    with alone_in(tmp_path / "run"):
        pass


def test_a_disk_without_locks_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with alone_in(tmp_path):
        pass
