"""The README's figures are those of the manifests and the benchmarks, and its links lead somewhere."""

import re

import numpy as np
from PIL import Image

from dermoscopy.render import render_lesion
from model_store.store import Store
from tests.running_service import ROOT

README = (ROOT / "README.md").read_text()
STORE = ROOT / "model_store" / "models"
SAMPLE = ROOT / "docs" / "images" / "sample.png"


def test_the_sample_is_rendered_by_the_repository() -> None:
    with Image.open(SAMPLE) as sample:
        assert (np.asarray(sample.convert("RGB")) == render_lesion(11, side=400, malignancy=0.9)).all()


def test_the_figures_are_those_of_the_manifests() -> None:
    rows = re.findall(r"^\| (.+?) \| (\S+) \| (\S+) \| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \|$", README, re.MULTILINE)
    assert len(rows) >= 8
    for _, place, metric, *figures in rows:
        version, evaluation = place.strip("`").split(":")
        name, number = version.split("/")
        stored = Store(STORE).open(name, int(number)).manifest.evaluations[evaluation].metrics[metric.strip("`")]
        assert [float(figure) for figure in figures] == [round(x, 3) for x in (stored.value, stored.low, stored.high)]


def test_the_speeds_are_those_of_the_benchmarks() -> None:
    rows = re.findall(r"^\| ((?:the bare work|melanoserve|\w+ \+ TensorFlow).*) \|$", README, re.MULTILINE)
    assert len(rows) == 5
    measured = [_cells(line) for line in (ROOT / "docs" / "benchmarks.md").read_text().splitlines()]
    for row in map(_cells, rows):
        assert any(row[0] == cells[0] and set(row) <= set(cells) for cells in measured), row


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
