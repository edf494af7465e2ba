import asyncio
from pathlib import Path

import pytest

from client import AsyncClient, NotReachable, Patience, Problem, Source, UnreadableImage
from tests.client.recorder import recording_proxy
from tests.client.unreliable import PROBLEM, answer, problem, unreliable
from tests.tiny_models import BENIGN, MELANOMA, picture, png

QUICK = Patience(attempts=3, first_wait=0.01)
READY = answer(200, {"status": "ready", "models": []})


def test_many_at_once(url: str, tmp_path: Path) -> None:
    file = tmp_path / "lesion.png"
    file.write_bytes(png(picture(BENIGN)))

    async def ask() -> list[str]:
        async with AsyncClient(url) as client:
            assert await client.ready()
            sources: list[Source] = [png(picture(MELANOMA)), file] * 6
            found = await asyncio.gather(*(client.classify(source) for source in sources))
        return [one.decision for one in found]

    assert asyncio.run(ask()) == ["malignant", "benign"] * 6


def test_every_method(url: str) -> None:
    async def ask() -> None:
        async with AsyncClient(url) as client:
            assert (await client.grade(png(picture(MELANOMA)))).grade is not None
            good, bad = await client.classify_batch([png(picture(MELANOMA)), b"text"])
            assert not isinstance(good, Problem)
            assert isinstance(bad, UnreadableImage)
            assert len(await client.grade_batch([png(picture(MELANOMA))])) == 1
            assert {model.name for model in await client.models()} == {"classifier", "grader"}
            assert (await client.model("grader")).labels["stable"].version == 1
            assert (await client.version("grader", 1)).manifest is not None
            assert (await client.file("grader", 1, "golden/00.png")).startswith(b"\x89PNG")
            assert (await client.move_label("classifier", "trial", 1)).version == 1

    asyncio.run(ask())


def test_what_may_succeed_later_is_tried_again_and_the_rest_is_not() -> None:
    async def ask(url: str) -> bool:
        async with AsyncClient(url, patience=QUICK) as client:
            return await client.ready()

    with unreliable(problem(), None, READY) as server:
        assert asyncio.run(ask(server.url))
        assert server.requests == 3
    with unreliable(problem(status=401, retryable=False)) as server:
        with pytest.raises(Problem):
            asyncio.run(ask(server.url))
        assert server.requests == 1
    with pytest.raises(NotReachable, match="nothing listens"):
        asyncio.run(ask(server.url))


def test_this_machine_is_asked_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(url: str) -> bool:
        async with AsyncClient(url, key="SECRET", patience=Patience(attempts=1)) as client:
            return await client.ready()

    with recording_proxy(monkeypatch) as got, unreliable(READY) as server:
        assert asyncio.run(ask(server.url))
        assert got == []


def test_a_batch_is_waited_for_and_asked_once() -> None:
    async def ask(url: str) -> None:
        async with AsyncClient(url, patience=QUICK, timeout=0.2) as client:
            (told,) = await client.classify_batch([b"image"])
            assert isinstance(told, Problem)

    with unreliable((0.8, answer(200, {"items": [{"problem": PROBLEM, "answer": None}]}))) as server:
        asyncio.run(ask(server.url))
        assert server.requests == 1
