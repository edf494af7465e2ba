import asyncio
import os
import threading
import time
from pathlib import Path

from service.context import MOST_IMAGES, make_context
from service.engine import Selection
from service.settings import Settings


def test_images_are_worked_on_in_threads_and_not_more_than_allowed_at_once(tmp_path: Path) -> None:
    context = make_context(Settings(store=tmp_path, threads=2))
    running, most, lock = 0, 0, threading.Lock()

    def work() -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return threading.get_ident()

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(context.on_image(work) for _ in range(10)))

    threads = asyncio.run(all_of_them())
    assert most == 2
    assert threading.get_ident() not in threads


def test_images_at_once_are_bounded_by_processors_threads_and_memory(tmp_path: Path) -> None:
    processors = len(os.sched_getaffinity(0))
    assert make_context(Settings(store=tmp_path)).images.total_tokens == min(processors, MOST_IMAGES)
    assert make_context(Settings(store=tmp_path, threads=1)).images.total_tokens == 1
    assert make_context(Settings(store=tmp_path, threads=64)).images.total_tokens == MOST_IMAGES


def test_loading_a_version_keeps_no_image_waiting(tmp_path: Path) -> None:
    context = make_context(Settings(store=tmp_path, threads=1))
    release = threading.Event()

    async def both() -> str:
        loading = [asyncio.create_task(context.on_store(release.wait)) for _ in range(2)]
        done = await asyncio.wait_for(context.on_image(lambda: "done"), 5)
        release.set()
        await asyncio.gather(*loading)
        return done

    assert asyncio.run(both()) == "done"


def test_a_version_in_memory_is_the_same_object_for_everyone(pristine_store: Path, tmp_path: Path) -> None:
    context = make_context(Settings(store=pristine_store, state=tmp_path))

    async def ask() -> bool:
        first = await context.served("classifier", Selection())
        return first is await context.served("classifier", Selection(version=1))

    assert asyncio.run(ask())
