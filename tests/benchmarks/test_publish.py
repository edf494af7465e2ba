import re
from pathlib import Path

import pytest

from benchmarks.publish import COMMANDS, picture, publish
from benchmarks.result import Bar, Result, Table

ROOT = Path(__file__).parents[2]


def _leave(command: str, output: Path) -> None:
    table = Table("Figures:", ("", "value"), [("rate", f"of {command}")])
    Result(command, f"About {command}", f"How {command} was measured.", [table], [Bar("x", 1, 2)], {}).save(output)
    (output / f"{command}.png").write_bytes(f"picture of {command}".encode())


def test_everything_that_was_measured_is_on_the_page(tmp_path: Path) -> None:
    for command in COMMANDS:
        _leave(command, tmp_path)
    page = publish(tmp_path, tmp_path / "docs")
    text = page.read_text()
    assert page == tmp_path / "docs" / "benchmarks.md"
    assert [line for line in text.splitlines() if line.startswith("## ")] == [f"## About {c}" for c in COMMANDS]
    for command in COMMANDS:
        assert f"| rate | of {command} |".replace(" ", "") in text.replace(" ", "")
        image = tmp_path / "docs" / "images" / picture(command)
        assert f"images/{image.name}" in text
        assert image.read_bytes() == f"picture of {command}".encode()
    assert "Not measured" not in text


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    _leave("compare", tmp_path)
    text = publish(tmp_path, tmp_path / "docs").read_text()
    assert "Not measured: `overload`, `swaps`, `mixed`, `stops`, `explain`, `audit`, `command-line`, `soak`." in text


def test_what_was_not_measured_anew_stays_as_it_is(tmp_path: Path) -> None:
    for command in COMMANDS:
        _leave(command, tmp_path)
    page = publish(tmp_path, tmp_path / "docs")
    noted = page.read_text().replace("How swaps was measured.", "How swaps was measured. By hand: on a busy machine.")
    page.write_text(noted)
    for command in COMMANDS:
        (tmp_path / f"{command}.json").unlink()
    assert publish(tmp_path, tmp_path / "docs").read_text() == noted
    _leave("mixed", tmp_path)
    assert publish(tmp_path, tmp_path / "docs").read_text() == noted


def test_the_plot_of_the_comparison_is_the_one_that_the_readme_shows() -> None:
    assert picture("compare") == "benchmark.png"


@pytest.mark.skipif(not (ROOT / "docs" / "benchmarks.md").exists(), reason="nothing was published yet")
def test_the_published_page_shows_pictures_that_are_there() -> None:
    for name in re.findall(r"!\[.*?\]\((.+?)\)", (ROOT / "docs" / "benchmarks.md").read_text()):
        assert (ROOT / "docs" / name).exists()
