import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks import overload as module
from benchmarks.overload import Overload, Storm, bars, summarise, table
from benchmarks.samples import LOST, Samples
from tests.benchmarks.fake_service import run_command
from tests.benchmarks.tiny_server import Answer, Request

STORM = Storm(capacity=10.0, rate=40.0, seconds=10.0, used=0.9)


def _load(*, retry_after: bool = True, failed: int = 0) -> Samples:
    """Ten answers a second, each after one second, and thirty refusals a second, after 5 ms."""
    samples = Samples()
    for number in range(100):
        due = number / 10
        samples.add(due=due, sent=due + 0.002, done=due + 1.0, status=200)
    for number in range(300):
        due = number / 30
        samples.add(due=due, sent=due, done=due + 0.005, status=503, retry_after=retry_after or number > 0)
    for status in (500, LOST, 504)[:failed]:
        samples.add(due=1.0, sent=1.0, done=2.0, status=status)
    return samples


def _probes(slowest: float = 0.05) -> Samples:
    samples = Samples()
    for number in range(100):
        samples.add(due=number / 10, sent=number / 10, done=number / 10 + 0.01, status=200)
    samples.add(due=1.0, sent=1.0, done=1.0 + slowest, status=200)
    return samples


def _missed(found: Overload) -> list[str]:
    return [bar.what for bar in bars(found) if not bar.met]


def test_figures() -> None:
    found = summarise(_load(), _probes(), STORM)
    assert (found.requests, found.accepted, found.refused, found.failed) == (400, 100, 300, 0)
    assert found.accepted_p50 == pytest.approx(1000.0)
    assert found.refused_p99 == pytest.approx(5.0)
    assert found.throughput == pytest.approx(10.0)
    assert found.probe_max == pytest.approx(50.0)
    assert found.lag_p99 == pytest.approx(2.0)
    assert found.client_ms == pytest.approx(900 / 501)
    assert _missed(found) == []


def test_the_whole_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WARM_UP_SECONDS", 0.05)

    def half_of_them(request: Request) -> Answer:
        busy = storming and request.number % 2 and request.head.startswith("POST")
        return Answer(503, headers={"Retry-After": "1"}) if busy else Answer()

    storming: list[bool] = []
    storm = module._storm

    async def begin(*arguments: Any) -> Any:
        storming.append(True)
        try:
            return await storm(*arguments)
        finally:
            storming.clear()

    monkeypatch.setattr(module, "_storm", begin)
    result = run_command(module, ["overload", "--seconds", "0.6", "--times", "0.5"], half_of_them, tmp_path, delay=0.1)
    assert result.figures["refused"] > 0
    assert result.figures["accepted"] > 0
    assert result.figures["accepted"] + result.figures["refused"] == result.figures["requests"]
    assert result.figures["refused_without_retry_after"] == 0
    assert result.figures["probes_failed"] == 0


def test_slow_refusals_and_answers_are_missed_bars() -> None:
    slow = _load()
    for due in (1.0, 2.0, 3.0, 4.0):
        slow.add(due=due, sent=due, done=due + 0.5, status=429, retry_after=True)
        slow.add(due=due, sent=due, done=due + 9.0, status=200)
    assert _missed(summarise(slow, _probes(), STORM)) == ["accepted: p99, times their p50", "refused within (p99)"]


def test_a_refusal_must_say_when_to_come_back() -> None:
    found = summarise(_load(retry_after=False), _probes(), STORM)
    assert found.refused_without_retry_after == 1
    assert _missed(found) == ["refused without Retry-After"]


def test_anything_but_an_answer_or_a_refusal_is_a_failure() -> None:
    assert summarise(_load(failed=3), _probes(), STORM).failed == 3


def test_throughput_that_breaks_down_is_seen() -> None:
    found = summarise(_load(), _probes(), Storm(capacity=12.0, rate=40.0, seconds=10.0, used=0.9))
    assert _missed(found) == ["images a second, of the capacity"]


def test_one_slow_or_failed_probe_is_seen() -> None:
    assert _missed(summarise(_load(), _probes(0.2), STORM)) == ["slowest probe"]
    probes = _probes()
    probes.add(due=1.0, sent=1.0, done=1.01, status=503)
    assert _missed(summarise(_load(), probes, STORM)) == ["probes not answered with 200"]


def test_no_refusal_at_all_is_no_overload() -> None:
    samples = Samples()
    samples.add(due=0.0, sent=0.0, done=1.0, status=200)
    found = summarise(samples, _probes(), STORM)
    assert math.isnan(found.refused_p99)
    assert "refused within (p99)" in _missed(found)


def test_the_table_says_it_all() -> None:
    text = table(summarise(_load(), _probes(), STORM)).markdown()
    assert "10 images/s" in text
    assert "p50 1000 ms" in text
    assert "slowest 50.0 ms" in text
