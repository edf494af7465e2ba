import hashlib
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import mixed as module
from benchmarks.images import ImageFile
from benchmarks.load import run
from benchmarks.mixed import Heard, bars, counts, table
from benchmarks.processes import Server, ServerFailed
from tests.benchmarks.fake_service import run_command
from tests.benchmarks.tiny_server import Answer, Request, tiny_server

OPTIONS = Namespace(repeats=3, clients=8)
IMAGES = [ImageFile(f"image number {number}".encode() + b"." * 1000 + b"end") for number in range(10)]


def _answer(request: Request) -> Answer:
    """Of a whole file its digest, with another request id each time; of a truncated one a problem."""
    file = request.body.split(b"\r\n\r\n", 1)[1].rpartition(b"\r\n--")[0]
    said = hashlib.sha256(file).hexdigest() if file.endswith(b"end") else "corrupt_image"
    status = 200 if file.endswith(b"end") else 422
    return Answer(status, f'{{"request_id":"{os.urandom(4).hex()}","said":"{said}"}}'.encode())


def _later(request: Request, image: ImageFile) -> bool:
    """Whether it asks about this image among the others, and not alone before."""
    return request.number >= 12 and image.data in request.body


def _heard(answer: Callable[[Request], Answer]) -> list[Heard]:
    with tiny_server(answer) as port:
        return run(module._ask_all(Server(port, os.getpid(), 0.0), IMAGES, OPTIONS))


def test_everybody_gets_their_own_answer() -> None:
    heard = _heard(_answer)
    assert counts(heard) == {"image": {"equal": 30}, "truncated": {"equal": 6}, "hang up": {"left": 8}}
    assert all(bar.met for bar in bars(heard))


def test_the_whole_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "various", lambda count: iter(IMAGES[:count]))
    arguments = ["mixed", "--images", "5", "--repeats", "2", "--clients", "4"]
    result = run_command(module, arguments, _answer, tmp_path)
    assert result.figures["counts"]["image"] == {"equal": 10}
    assert "5 different images" in result.text
    assert result.met


def test_somebody_elses_answer_is_seen() -> None:
    def stranger(request: Request) -> Answer:
        said = b'{"request_id":"x","said":"of another"}'
        return Answer(200, said) if _later(request, IMAGES[3]) else _answer(request)

    heard = _heard(stranger)
    assert sum(one.outcome == "different" for one in heard) == OPTIONS.repeats
    assert not bars(heard)[0].met


def test_a_request_without_an_answer_is_seen() -> None:
    heard = _heard(lambda request: Answer(0) if _later(request, IMAGES[3]) else _answer(request))
    assert sum(one.outcome == "lost" for one in heard) == OPTIONS.repeats
    assert not bars(heard)[1].met


@pytest.mark.parametrize("status", [422, 500])
def test_an_image_that_is_not_answered_alone_ends_it(status: int) -> None:
    with pytest.raises(ServerFailed, match=f"alone, it answers {status} to a file that is image"):
        _heard(lambda _: Answer(status))


def test_a_truncated_file_must_not_be_answered() -> None:
    with pytest.raises(ServerFailed, match="200 to a file that is truncated"):
        _heard(lambda _: Answer(200))


def test_the_table_has_a_row_for_each_kind() -> None:
    rows = table(_heard(_answer)).rows
    assert [row[:5] for row in rows] == [
        ["image", "30", "0", "0", "0"],
        ["truncated", "6", "0", "0", "0"],
        ["hang up", "0", "0", "0", "8"],
    ]
