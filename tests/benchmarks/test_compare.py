import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import cli
from benchmarks import compare as module
from benchmarks.compare import POINTS, Rounds
from benchmarks.comparison import BARE, CLIENTS, MANY, OURS
from benchmarks.images import SIZES, USUAL, ImageFile
from benchmarks.peers import Peer, PeerUnavailable
from benchmarks.processes import Server, ServerFailed
from benchmarks.result import Result
from dermoscopy.render import render_lesion
from tests.benchmarks.tiny_server import Answer, Request, tiny_server


def _jpeg(size: tuple[int, int]) -> ImageFile:
    """A small file, which the bundled classifier does not abstain from."""
    file = io.BytesIO()
    Image.fromarray(render_lesion(3, side=128, malignancy=0.8)).resize(size).save(file, "JPEG")
    return ImageFile(file.getvalue())


IMAGES = {name: _jpeg((128 + number, 128)) for number, name in enumerate(SIZES)}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WARM_UP_SECONDS", 0.05)


def _answer(request: Request) -> Answer:
    return Answer(body=b'{"probability": 0.25}')


@contextmanager
def _server(answer: object = _answer) -> Iterator[Server]:
    with tiny_server(answer, delay=0.002) as port:  # type: ignore[arg-type]
        yield Server(port, os.getpid(), 1.5)


def _rounds() -> Rounds:
    return Rounds(0.3, IMAGES)  # shorter, 64 clients have no answer yet where the machine is busy


def test_the_points() -> None:
    assert POINTS[0] == (USUAL, MANY)
    assert {clients for image, clients in POINTS if image == USUAL} == set(CLIENTS)
    assert {image for image, clients in POINTS if clients == MANY} == set(SIZES)
    assert len(set(POINTS)) == len(POINTS)


def test_a_server_is_measured_at_every_point() -> None:
    rounds, done = _rounds(), []
    for number in range(2):
        rounds.subject(number, OURS, _server, lambda: done.append(1))
    found = rounds.comparison([OURS])
    assert len(done) == 2 * len(POINTS)
    assert {(m.image, m.clients) for m in found.measured} == set(POINTS)
    assert [start.round for start in found.started] == [0, 1]
    assert found.started[0].ready_seconds == 1.5
    assert found.started[0].largest_mb > 1
    assert found.answers == {OURS: 0.25}
    assert found.failed(OURS) == 0


def test_failed_requests_are_counted_and_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def sometimes(request: Request) -> Answer:
        return _answer(request) if request.number % 8 else Answer(503)

    monkeypatch.setattr(module, "POINTS", [(USUAL, MANY)])  # so that some of them are answered in any case
    monkeypatch.setattr(Rounds, "_warm_up", lambda *_: None)
    rounds = _rounds()
    rounds.subject(0, "fastapi", lambda: _server(sometimes), lambda: None)
    found = rounds.comparison(["fastapi"])
    assert found.failed("fastapi") > 0
    assert not found.unavailable


def test_a_peer_that_fails_is_reported_and_not_tried_again() -> None:
    @contextmanager
    def failing() -> Iterator[Server]:
        tries.append(1)
        raise ServerFailed("it ended with status 1")
        yield

    rounds, tries = _rounds(), list[int]()
    for number in range(2):
        rounds.subject(number, "fastapi", failing, lambda: None)
    assert rounds.comparison(["fastapi"]).unavailable == {"fastapi": "it ended with status 1"}
    assert len(tries) == 1


def test_a_peer_that_answers_nothing_useful_is_reported() -> None:
    rounds = _rounds()
    rounds.subject(0, "fastapi", lambda: _server(lambda _: Answer(422)), lambda: None)
    assert rounds.comparison(["fastapi"]).unavailable == {"fastapi": "it answers 422 when it is warmed up"}


def test_our_own_failure_ends_the_comparison() -> None:
    with pytest.raises(ServerFailed):
        _rounds().subject(0, OURS, lambda: _server(lambda _: Answer(500)), lambda: None)


def test_an_answer_without_a_probability_ends_it_with_the_reason() -> None:
    abstained = Answer(200, body=b'{"probability": null}')
    with pytest.raises(ServerFailed, match="abstains"):
        _rounds().subject(0, OURS, lambda: _server(lambda _: abstained), lambda: None)


def test_the_real_service_beside_the_real_bare_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command, on small images and with a peer that cannot be installed; no figure is looked at."""

    def nowhere(peer: Peer) -> Path:
        raise PeerUnavailable(f"no {peer.name} here")

    monkeypatch.setattr(module, "photographs", lambda: IMAGES)
    monkeypatch.setattr(module, "POINTS", POINTS[:2])
    monkeypatch.setattr(module, "install", nowhere)
    arguments = ["compare", "--rounds", "1", "--seconds", "0.3", "--peers", "litserve", "--output", str(tmp_path)]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert "not measured: no litserve here" in out
    result = Result.load(tmp_path / "compare.json")
    answers = result.figures["answers"]
    assert answers[OURS] == pytest.approx(answers[BARE], abs=1e-3)
    assert {bar.what: bar for bar in result.bars}["requests that failed"].met
    for name in ("compare.csv", "compare-starts.csv", "compare.png", "service.log"):
        assert (tmp_path / name).stat().st_size > 0
