import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks import swaps as module
from benchmarks.answers import without_id
from benchmarks.connection import Reply
from benchmarks.load import run
from benchmarks.processes import Server, ServerFailed
from benchmarks.samples import Samples
from benchmarks.swaps import Swaps, bars, table
from tests.benchmarks.fake_service import run_command
from tests.benchmarks.tiny_server import Answer, Request, tiny_server

# Both versions are asked for alone, then all clients ask at once, and only then is a version swapped.
FIRST_OF_MANY = 2


def _answer(version: int, **changed: Any) -> bytes:
    value = {"request_id": os.urandom(4).hex(), "threshold": version / 10, "model": {"version": version}, **changed}
    return json.dumps(value).encode()


class Service:
    """Answers with the version that was put last, or with that of the query; `broken` changes an answer."""

    def __init__(self, broken: Any = None) -> None:
        self.version, self.broken = 1, broken

    def __call__(self, request: Request) -> Answer:
        if request.head.startswith("PUT"):
            self.version = json.loads(request.body)["version"]
            return Answer()
        first = request.head.splitlines()[0]
        asked = int(first.partition("version=")[2].split()[0]) if "version=" in first else self.version
        answer = Answer(body=_answer(asked))
        return answer if self.broken is None else self.broken(request, answer)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WARM_UP_SECONDS", 0.05)
    monkeypatch.setattr(module, "_GIVES_UP_SECONDS", 5.0)


def _swaps(service: Service, count: int = 4) -> tuple[Swaps, Samples]:
    with tiny_server(service, delay=0.002) as port:
        return run(module._under_load(Server(port, os.getpid(), 0.0), b"image", (1, 2), count, 0.02))


def test_every_answer_is_of_one_version() -> None:
    found, samples = _swaps(Service())
    assert found.answers[1] > 0
    assert found.answers[2] > 0
    assert found.answers.total() == len(samples)
    assert (len(found.seconds), len(found.memory_mb)) == (4, 5)
    assert [bar.value for bar in bars(found, samples)[:3]] == [0, 0, 0]
    assert table(found, samples).rows[0] == ("swaps", "4")


def test_the_whole_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "two_versions", lambda *_: (1, 2))
    result = run_command(module, ["swaps", "--swaps", "3", "--pause", "0.02"], Service(), tmp_path)
    assert result.figures["answers"].keys() == {"1", "2"}
    assert len(result.figures["seconds"]) == 3
    assert [bar.value for bar in result.bars[:3]] == [0, 0, 0]


def test_an_answer_of_both_versions_is_strange() -> None:
    def mixed_up(request: Request, answer: Answer) -> Answer:
        return Answer(body=_answer(2, threshold=0.1)) if request.number == FIRST_OF_MANY else answer

    found, samples = _swaps(Service(mixed_up))
    assert found.strange == 1
    assert bars(found, samples)[2].value == 1


def test_a_request_that_fails_is_counted_once() -> None:
    found, samples = _swaps(Service(lambda request, answer: Answer(503) if request.number == FIRST_OF_MANY else answer))
    assert [bar.value for bar in bars(found, samples)[:3]] == [0, 1, 0]


def test_a_swap_that_is_refused_is_counted() -> None:
    class Refusing(Service):
        def __call__(self, request: Request) -> Answer:
            return Answer(403) if request.head.startswith("PUT") else super().__call__(request)

    found, samples = _swaps(Refusing(), count=2)
    assert bars(found, samples)[0].value == 2


def test_a_swap_without_effect_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GIVES_UP_SECONDS", 0.2)

    class Deaf(Service):
        def __call__(self, request: Request) -> Answer:
            return Answer() if request.head.startswith("PUT") else super().__call__(request)

    with pytest.raises(ServerFailed, match="version 2 does not answer"):
        _swaps(Deaf())


def test_a_version_that_cannot_be_asked_for() -> None:
    with pytest.raises(ServerFailed, match="asked for version 1, it answers 404"):
        _swaps(Service(lambda *_: Answer(404)))


def test_growth_of_memory_is_from_before_the_first_swap() -> None:
    found = Swaps({}, memory_mb=[100.0, 180.0, 151.0], seconds=[0.1, 0.1])
    growth = bars(found, Samples())[-1]
    assert (growth.value, growth.met) == (51.0, False)


def test_the_id_of_a_request_is_nothing_of_a_version() -> None:
    found = Swaps({1: without_id(_answer(1))})
    found.hear(Reply(200, b"", _answer(1)))
    assert (found.answers[1], found.strange) == (1, 0)
