"""The README's answers, figures and settings are what the service and the manifests say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from model_store.store import Store
from service.settings import Settings, variable
from tests.running_service import ROOT, Service, running

README = (ROOT / "README.md").read_text()
STORE = ROOT / "model_store" / "models"
SAMPLE = ROOT / "docs" / "images" / "sample.png"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(STORE, tmp_path_factory.mktemp("state")) as service:
        yield service


def _shown() -> list[dict[str, Any]]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]


def _same(shown: object, real: object) -> None:
    """The same fields and texts; numbers within what another processor's arithmetic may change."""
    if isinstance(shown, dict):
        assert isinstance(real, dict)
        assert shown.keys() == real.keys()
        for key in shown.keys() - {"request_id", "precision"}:
            _same(shown[key], real[key])
    elif isinstance(shown, float):
        assert real == pytest.approx(shown, abs=0.03)
    else:
        assert shown == real


def test_the_answers_are_real(bundled: Service) -> None:
    classify, grade, problem = _shown()
    data = SAMPLE.read_bytes()
    _same(classify, bundled.client.post("/classify", files={"file": data}).json())
    _same(grade, bundled.client.post("/grade", content=data, headers={"Content-Type": "image/png"}).json())
    sent = {"file": ("README.md", README.encode(), "application/octet-stream")}
    _same(problem, bundled.client.post("/classify", files=sent).json())


def test_the_sample_is_rendered_by_the_repository() -> None:
    from dermoscopy.prepare import prepare  # noqa: PLC0415
    from dermoscopy.render import render_lesion  # noqa: PLC0415
    from tests.tiny_models import png  # noqa: PLC0415

    rendered = prepare(png(render_lesion(11, side=400, malignancy=0.9))).pixels
    assert (prepare(SAMPLE.read_bytes()).pixels == rendered).all()


def test_every_setting_stands_there_with_its_default() -> None:
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        assert f"| `{variable(name)}` | `{default}` |" in README


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
