import io
import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import stops as module
from benchmarks.cli import main
from benchmarks.connection import Connection
from benchmarks.images import USUAL, ImageFile
from benchmarks.load import run
from benchmarks.processes import Server
from benchmarks.requests import get
from benchmarks.samples import LOST
from benchmarks.service import ROOT
from benchmarks.stops import Stop, bars, stop_under_load, table
from tests.benchmarks.tiny_server import Answer, Request, tiny_server

LAST = 40


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOAD_SECONDS", 0.3)


def test_a_stop_of_the_real_service_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.open(ROOT / "docs" / "images" / "sample.png").convert("RGB")
    file = io.BytesIO()
    image.save(file, "JPEG")
    monkeypatch.setattr(module, "photographs", lambda: {USUAL: ImageFile(file.getvalue())})
    monkeypatch.setenv("MELANOSERVE_DRAIN_SECONDS", "0.5")
    assert main(["stops", "--stops", "1", "--check", "--output", str(tmp_path)]) == 0
    for ending in ("json", "csv", "png"):
        assert (tmp_path / f"stops.{ending}").stat().st_size > 0


def test_a_request_that_is_let_in_and_not_answered_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = False
    really = Connection.open

    async def opened(port: int) -> Connection:
        if closed:
            raise ConnectionRefusedError
        return await really(port)

    def answer(request: Request) -> Answer:
        nonlocal closed
        closed = request.number >= LAST
        return Answer(0 if closed else 200)

    monkeypatch.setattr(Connection, "open", opened)
    monkeypatch.setattr(Server, "stop", lambda *_: 0)
    with tiny_server(answer, delay=0.002) as port:
        found = run(stop_under_load(Server(port, os.getpid(), 0.0), get("/")))
    assert found.answers[200] == LAST
    assert found.lost == found.answers[LOST] > 0


def test_other_answers_are_lost_requests_too() -> None:
    found = [Stop(Counter({200: 30, 503: 1, LOST: 2}), 3.2, 0), Stop(Counter({200: 20}), 3.4, 1)]
    assert [(bar.value, bar.met) for bar in bars(found)] == [(3, False), (1, False)]
    assert table(found).rows[1:] == [("answers", "50"), ("lost", "3"), ("from the signal to the end", "3.2 to 3.4 s")]
