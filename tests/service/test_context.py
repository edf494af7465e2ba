import asyncio
import threading
import time
from pathlib import Path

import pytest
from starlette.requests import Request

from model_store.processors import available_processors
from service.access_problems import Unauthorized
from service.context import Threads, in_thread, make_context
from service.engine import Selection
from service.key_file import KeyFile
from service.problems import DeadlineExceeded
from service.progress import Progress
from service.settings import Settings
from service.workers import MOST_IMAGES


def test_images_at_once_are_bounded_by_processors_threads_and_memory(tmp_path: Path) -> None:
    processors = available_processors()
    expected = min(processors + 1, MOST_IMAGES) if processors > 1 else 1
    assert make_context(Settings(store=tmp_path)).workers.count == expected
    assert make_context(Settings(store=tmp_path, threads=1)).workers.count == 1
    assert make_context(Settings(store=tmp_path, threads=64)).workers.count == MOST_IMAGES


def test_no_kind_of_work_waits_for_another_nor_for_one_more_of_its_own() -> None:
    threads = Threads()
    release = threading.Event()

    async def all_of_them() -> list[str]:
        held = [in_thread(of, release.wait) for of in (threads.loading, threads.looking)]
        held.append(in_thread(threads.looking, release.wait))
        waiting = asyncio.gather(*held)
        done = [await asyncio.wait_for(in_thread(of, lambda: "done"), 60) for of in (threads.loading, threads.summing)]
        release.set()
        await waiting
        return done

    assert asyncio.run(all_of_them()) == ["done", "done"]


def test_a_version_that_is_not_loaded_in_time_is_too_late(pristine_store: Path, tmp_path: Path) -> None:
    context = make_context(Settings(store=pristine_store, state=tmp_path))
    release = threading.Event()

    async def ask() -> float:
        busy = asyncio.gather(*(in_thread(context.threads.loading, release.wait) for _ in range(2)))
        await asyncio.sleep(0)  # both threads are taken now
        begun = time.monotonic()
        try:
            with pytest.raises(DeadlineExceeded):
                await context.served("classifier", Selection(), "id", Progress(0.2))
            return time.monotonic() - begun
        finally:
            release.set()
            await busy

    assert asyncio.run(ask()) < 30


def test_a_version_in_memory_is_the_same_object_for_everyone(pristine_store: Path, tmp_path: Path) -> None:
    context = make_context(Settings(store=pristine_store, state=tmp_path))

    async def ask() -> bool:
        first = await context.served("classifier", Selection(), "id", Progress(30))
        return first is await context.served("classifier", Selection(version=1), "id", Progress(30))

    assert asyncio.run(ask())


def test_keys_are_demanded_as_soon_as_there_is_one(tmp_path: Path) -> None:
    context = make_context(Settings(store=tmp_path, state=tmp_path / "open"))
    asyncio.run(context.authorise(_request(), "admin"))
    file = tmp_path / "state" / "keys.json"
    issued = KeyFile(file).add("clinic", ["infer"])
    guarded = make_context(Settings(store=tmp_path, keys=file))
    with pytest.raises(Unauthorized):
        asyncio.run(guarded.authorise(_request(), "infer"))
    request = _request(("x-api-key", issued.text))
    asyncio.run(guarded.authorise(request, "infer"))
    who = request.state.principal  # for the log and the audit trail; the secret is kept nowhere
    assert (who.id, who.name) == (issued.id, "clinic")


def _request(*headers: tuple[str, str]) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw})
