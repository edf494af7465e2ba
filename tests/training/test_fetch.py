import json
import os
import sys
from pathlib import Path

import pytest

from training.cli import main
from training.fetch import FetchFailed, fetch

PROGRAM = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(int(os.environ.get("STATUS", "0")))
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that takes the place of the archive's and writes down how it is called."""
    program = tmp_path / "bin" / "isic"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_metadata_and_images_go_where_sources_reads_them(calls: Path, tmp_path: Path) -> None:
    fetch([66, 70], tmp_path / "isic", limit=5)
    wanted = ["--collections", "66,70", "--limit", "5"]
    assert [json.loads(line) for line in calls.read_text().splitlines()] == [
        ["metadata", "download", *wanted, "--outfile", f"{tmp_path}/isic/metadata.csv"],
        ["image", "download", *wanted, f"{tmp_path}/isic/images"],
    ]


def test_a_failure_of_the_program_is_said(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATUS", "3")
    assert main(["data", "fetch", "66", "--to", str(tmp_path / "isic")]) == 1
    assert "`isic metadata download --collections 66" in capsys.readouterr().err
    assert len(calls.read_text().splitlines()) == 1


def test_without_the_program_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchFailed, match="pip install isic-cli"):
        fetch([66], tmp_path / "isic")


@pytest.mark.parametrize("limit", ["0", "-5", "many"])
def test_no_image_is_not_all_of_them(limit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For the archive's program 0 is no limit."""
    with pytest.raises(SystemExit):
        main(["data", "fetch", "66", "--to", str(tmp_path), f"--limit={limit}"])
    assert "argument --limit: a number of images is 1 or more" in capsys.readouterr().err
