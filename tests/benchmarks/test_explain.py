import json
from pathlib import Path

import pytest

from benchmarks import explain as module
from benchmarks.explain import WITH, WITHOUT, Explained, bars, table
from benchmarks.processes import ServerFailed
from tests.benchmarks.fake_service import run_command
from tests.benchmarks.tiny_server import Answer, Request

HEATMAP = "A" * 4000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WARM_UP_SECONDS", 0.05)


def answered(request: Request) -> Answer:
    """With a heatmap to those that ask for one."""
    asked = "explain=true" in request.head.splitlines()[0]
    return Answer(body=json.dumps({"explanation": {"heatmap_png": HEATMAP} if asked else None}).encode())


def test_the_whole_command(tmp_path: Path) -> None:
    result = run_command(module, ["explain", "--rounds", "2", "--seconds", "0.2"], answered, tmp_path)
    figures = result.figures
    assert figures["heatmap_bytes"] == 3000
    assert len(figures["seconds"][WITH]) == len(figures["seconds"][WITHOUT]) > 10
    assert len(figures["rates"][WITH]) == len(figures["rates"][WITHOUT]) == 2
    assert min(figures["rates"][WITH]) > 0


def test_what_is_refused_is_not_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError):
        run_command(module, ["explain", "--rounds", "1", "--seconds", "0.1"], lambda _: Answer(401), tmp_path)
    assert f"the service failed: {ServerFailed('it answers 401')}" in capsys.readouterr().err


def test_a_slow_heatmap_is_a_missed_bar() -> None:
    found = Explained(
        {WITHOUT: [0.01, 0.02, 0.03], WITH: [0.02, 0.024, 0.9]}, {WITHOUT: [50, 60], WITH: [45, 48]}, 3000
    )
    assert [(round(bar.value, 3), bar.met) for bar in bars(found)] == [(1.2, False), (0.85, False)]
    assert table(found).rows == [(WITHOUT, "20.0 ms", "55"), (WITH, "24.0 ms", "46")]
    assert "3 kB" in table(found).title
    quick = Explained({WITHOUT: [0.02], WITH: [0.022]}, {WITHOUT: [50], WITH: [45]}, 3000)
    assert all(bar.met for bar in bars(quick))
