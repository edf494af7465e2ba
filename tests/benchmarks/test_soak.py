from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import soak as module
from benchmarks.samples import Samples
from benchmarks.soak import Slice, bars, sliced, table
from tests.benchmarks.fake_service import run_command
from tests.benchmarks.tiny_server import Answer

FLAT = [Slice(minute + 1.0, 100, 0, 20.0, 50.0, 200.0) for minute in range(60)]


def _missed(slices: list[Slice]) -> list[str]:
    return [bar.what for bar in bars(slices) if not bar.met]


def test_time_is_cut_into_sixty_parts() -> None:
    samples = Samples()
    for second in range(120):
        status = 503 if second == 60 else 200
        samples.add(due=1000.0 + second, sent=1000.0 + second, done=1000.1 + second + second / 100, status=status)
    slices = sliced(samples, [(0.0, 100.0), (59.0, 150.0), (61.0, 160.0)], 120.0)
    assert len(slices) == 60
    assert [one.requests for one in slices] == [2] * 60
    assert [one.failed for one in slices] == [0] * 30 + [1] + [0] * 29
    assert slices[0].p50 == pytest.approx(105.0)
    assert slices[-1].p50 == pytest.approx(100.0 + 1185.0)
    assert [one.memory_mb for one in slices[28:32]] == [100.0, 150.0, 160.0, 160.0]
    assert slices[-1].minute == 2.0


def test_the_whole_command(tmp_path: Path) -> None:
    result = run_command(module, ["soak", "--minutes", "0.05", "--load", "0.3"], lambda _: Answer(), tmp_path)
    slices = result.figures["slices"]
    assert len(slices) == 60
    assert sum(one["requests"] for one in slices) > 0
    assert sum(one["failed"] for one in slices) == 0
    assert all(one["memory_mb"] > 1 for one in slices)


def test_flat_is_flat() -> None:
    assert _missed(FLAT) == []


def test_the_beginning_does_not_count() -> None:
    assert _missed([replace(one, p99=5000.0, memory_mb=50.0) for one in FLAT[:6]] + FLAT[6:]) == []


def test_creeping_latency_is_seen() -> None:
    (missed,) = _missed([replace(one, p99=50.0 + one.minute) for one in FLAT])
    assert missed.startswith("p99")


def test_creeping_memory_is_seen() -> None:
    (missed,) = _missed([replace(one, memory_mb=200.0 + one.minute / 2) for one in FLAT])
    assert "memory" in missed


def test_one_failed_request_is_seen() -> None:
    assert _missed([*FLAT[:-1], replace(FLAT[-1], failed=1)]) == ["requests that failed"]


def test_one_slow_minute_is_not_a_trend() -> None:
    assert _missed([*FLAT[:-1], replace(FLAT[-1], p99=5000.0)]) == []


def test_the_table_compares_the_ends() -> None:
    samples = Samples()
    samples.add(due=0.0, sent=0.0, done=0.05, status=200)
    text = table(samples, FLAT).markdown()
    assert "50 ms in the first third, 50 ms in the last" in text
    assert "200 MB in the first third, 200 MB in the last" in text
