from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import audit as module
from benchmarks.audit import OFF, POSTGRESQL, SQLITE, Audited, bars, table
from benchmarks.postgres import NoPostgres
from tests.benchmarks.fake_service import run_command
from tests.benchmarks.tiny_server import Answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WARM_UP_SECONDS", 0.05)


def test_the_whole_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def started():  # type: ignore[no-untyped-def]  # noqa: ANN202
        yield SimpleNamespace(url="postgresql:///x", process=None)

    monkeypatch.setattr(module, "postgres", started)
    result = run_command(module, ["audit", "--rounds", "2", "--seconds", "0.1"], lambda _: Answer(), tmp_path)
    assert set(result.figures["rates"]) == {OFF, SQLITE, POSTGRESQL}
    assert all(len(rates) == 2 for rates in result.figures["rates"].values())
    assert "load average" in result.text.replace("\n", " ")


def test_without_postgresql_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise NoPostgres("PostgreSQL is not installed")

    monkeypatch.setattr(module, "postgres", missing)
    with pytest.raises(AssertionError):
        run_command(module, ["audit"], lambda _: Answer(), tmp_path)
    assert "PostgreSQL is not installed" in capsys.readouterr().err


def test_ratios_are_taken_inside_a_round() -> None:
    rates = {OFF: [50.0, 100.0, 60.0], SQLITE: [49.0, 97.0, 30.0], POSTGRESQL: [40.0, 94.0, 54.0]}
    work = {OFF: [0.03, 0.03], SQLITE: [0.0303, 0.0304], POSTGRESQL: [0.033, 0.0324]}
    found = Audited(rates, work, {name: [0.02] for name in rates}, dict.fromkeys(rates, 2.0))
    assert [(round(bar.value, 2), bar.met) for bar in bars(found)] == [
        (0.97, True), (1.01, True), (0.9, False), (1.09, False)
    ]  # fmt: skip
    assert table(found).rows[1] == (SQLITE, "49.0", "0.970", "30.35 ms", "1.012", "20.0 ms", "2.0 s")
