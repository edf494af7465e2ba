from pathlib import Path

import pytest

from benchmarks import command_line as module
from benchmarks.cli import main
from benchmarks.command_line import Commanded, bars, measure, table
from benchmarks.processes import ServerFailed
from benchmarks.result import Result


def test_the_whole_command(tmp_path: Path) -> None:
    assert main(["command-line", "--files", "4", "--rounds", "1", "--output", str(tmp_path)]) == 0
    for ending in ("csv", "png"):
        assert (tmp_path / f"command-line.{ending}").stat().st_size > 0
    figures = Result.load(tmp_path / "command-line.json").figures
    assert (figures["files"], figures["missing"]) == (4, 0)
    assert 0 < figures["bare"][0] < figures["whole"][0]


def test_a_command_that_fails_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAIN", "import sys; sys.exit('no such thing')")
    monkeypatch.setattr(module, "distinct", lambda count: [b"no image"] * count)
    monkeypatch.setattr(module, "bare_files", lambda *_: 1.0)
    with pytest.raises(ServerFailed, match="ended with 1: no such thing"):
        measure(tmp_path, 1, 1)


def test_figures_and_bars() -> None:
    found = Commanded(100, bare=[8.0, 10.0, 12.0], whole=[16.0, 12.5, 12.5], start=[2.0, 2.5, 2.2], missing=0)
    assert found.share() == pytest.approx(0.8)
    assert [bar.met for bar in bars(found)] == [True, True]
    assert [row[1:] for row in table(found).rows] == [
        ("10.0 s", "10", "1.00"),
        ("12.5 s", "8", "0.80"),
        ("2.2 s", "", ""),
    ]
    missed = Commanded(100, bare=[8.0], whole=[16.0], start=[2.0], missing=1)
    assert [bar.met for bar in bars(missed)] == [False, False]
