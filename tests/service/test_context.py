import asyncio
import threading
from pathlib import Path

import pytest
from starlette.requests import Request

from model_store.processors import available_processors
from service.context import make_context
from service.engine import Selection
from service.key_file import KeyFile
from service.problems import Unauthorized
from service.settings import Settings
from service.workers import MOST_IMAGES


def test_images_at_once_are_bounded_by_processors_threads_and_memory(tmp_path: Path) -> None:
    processors = available_processors()
    expected = min(processors + 1, MOST_IMAGES) if processors > 1 else 1
    assert make_context(Settings(store=tmp_path)).workers.count == expected
    assert make_context(Settings(store=tmp_path, threads=1)).workers.count == 1
    assert make_context(Settings(store=tmp_path, threads=64)).workers.count == MOST_IMAGES


def test_loading_a_version_keeps_no_other_work_on_the_store_waiting(tmp_path: Path) -> None:
    context = make_context(Settings(store=tmp_path))
    release = threading.Event()

    async def both() -> str:
        loading = asyncio.create_task(context.on_store(release.wait))
        done = await asyncio.wait_for(context.on_store(lambda: "done"), 5)
        release.set()
        await loading
        return done

    assert asyncio.run(both()) == "done"


def test_a_version_in_memory_is_the_same_object_for_everyone(pristine_store: Path, tmp_path: Path) -> None:
    context = make_context(Settings(store=pristine_store, state=tmp_path))

    async def ask() -> bool:
        first = await context.served("classifier", Selection(), "id")
        return first is await context.served("classifier", Selection(version=1), "id")

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
