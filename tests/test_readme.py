"""The README's answers, figures and settings are what the service and the manifests say."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
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


def test_the_commands_without_a_service_do_what_they_say(bundled: Service, tmp_path: Path) -> None:
    """Those of the command line, with this test's folder and service in the place of the reader's."""
    (tmp_path / "photographs").mkdir()
    shutil.copy(SAMPLE, tmp_path / "photographs")
    places = {
        "path/to/photographs": str(tmp_path / "photographs"),
        "results.csv": str(tmp_path / "results.csv"),
        "http://127.0.0.1:8000": str(bundled.client.base_url).rstrip("/"),
    }
    commands = re.findall(r"^\.venv/bin/melanoserve ((?:classify|grade|doctor).*?)(?: +#.*)?$", README, re.MULTILINE)
    assert len(commands) == 4
    printed = []
    for command in commands:
        words = [places.get(word, word) for word in shlex.split(command)]
        program = [sys.executable, "-c", "import sys; from service.cli import main; sys.exit(main())"]
        ended = subprocess.run([*program, *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 0, ended.stderr + ended.stdout
        printed.append(ended.stdout)
    classify = _shown()[0]
    assert "docs/images/sample.png  malignant" in printed[0]
    assert (tmp_path / "results.csv").read_text().count("sample.png,malignant") == 1
    _same(classify, {key: value for key, value in json.loads(printed[2]).items() if key != "file"})


def test_the_python_of_the_client_runs(bundled: Service, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = code.replace("http://127.0.0.1:8000", str(bundled.client.base_url))
    exec(code.replace('"docs/', f'"{ROOT}/docs/'), {})
    decision, probability = capsys.readouterr().out.split()
    shown = _shown()[0]
    assert decision == shown["decision"]
    assert float(probability) == pytest.approx(shown["probability"], abs=0.03)
