from pathlib import Path

import pytest

from tests.training.built import Data
from tests.training.command_line import error_of
from training import metrics
from training.cli import main


@pytest.fixture
def options(data: Data) -> list[str]:
    return data.options


def test_missing_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert error_of(capsys, "data", "--data", nowhere) == f"no data folder at {nowhere}: name one with --data"
    assert error_of(capsys, "data", "--data", str(tmp_path)).startswith(f"no labelled images under {tmp_path}")


def test_data_shows_where_each_image_goes(options: list[str], data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["source", "training", "validation", "test", "external", "shown", "removed"]
    shown = {line.split()[0]: list(map(int, line.split()[1:])) for line in lines[1:-2]}
    counts = data.split.counts(data.table)
    roles = lines[0].split()[1:]
    assert shown == {source: [count[role] for role in roles] for source, count in counts.items()}
    assert lines[-2] == "1 images of isic-acral have no label that is known here."
    assert lines[-1].startswith(f"{2 * len(data.planted.copies)} of 290 images have a copy")


def test_index_and_reports_are_written(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 30)
    out = ["--out", str(tmp_path / "out")]
    assert main(["data", *options, "index", *out]) == 0
    assert f"290 images, 18 columns: {tmp_path}/out/index.csv" in capsys.readouterr().out
    assert main(["data", "leaks", *options, *out]) == 0
    assert "held out at once, after the split: 0." in capsys.readouterr().out
    assert main(["data", "confounders", *options, *out]) == 0
    assert "by the frame alone" in capsys.readouterr().out
    assert {file.name for file in (tmp_path / "out").iterdir()} >= {
        "index.csv", "leaks.csv", "leaks.md", "copies.png", "confounders.csv", "confounders.md", "confounders.png",
    }  # fmt: skip
