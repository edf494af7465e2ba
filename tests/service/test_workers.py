import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from service.problems import ClientLeft, DeadlineExceeded
from service.progress import Progress
from service.workers import Turns, Workers

Receive = Callable[[], Awaitable[dict[str, Any]]]


async def _stays() -> dict[str, Any]:
    await asyncio.sleep(60)
    return {"type": "http.disconnect"}


def _leaves_after(seconds: float) -> Receive:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return {"type": "http.disconnect"}

    return receive


def _nothing() -> None:
    pass


class _Counted:
    """Work that knows how many at once were at it."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.02)
        with self._lock:
            self.running -= 1
        return threading.get_ident()


async def _ten_times(workers: Workers, work: _Counted) -> list[int]:
    return await asyncio.gather(*(workers.run(work, Progress(60), _stays, _nothing) for _ in range(10)))


def test_images_are_worked_on_in_threads_and_not_more_than_allowed_at_once() -> None:
    workers, work = Workers(2), _Counted()
    threads = asyncio.run(_ten_times(workers, work))
    workers.close()
    assert work.most == 2
    assert threading.get_ident() not in threads


def test_where_no_thread_can_be_started_nothing_stays_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, done = Workers(1), list[bool]()

    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(RuntimeError, match="new thread"):
        asyncio.run(workers.run(lambda: 1, Progress(60), _stays, lambda: done.append(True)))
    monkeypatch.undo()
    assert done == [True]
    assert not workers.crowded
    workers.close()


def test_an_exception_of_the_work_is_raised_and_the_next_work_runs() -> None:
    workers = Workers(1)

    def fail() -> None:
        raise LookupError("poison")

    async def both() -> int:
        with pytest.raises(LookupError, match="poison"):
            await workers.run(fail, Progress(60), _stays, _nothing)
        return await workers.run(lambda: 7, Progress(60), _stays, _nothing)

    assert asyncio.run(both()) == 7
    workers.close()


class _Image:
    """What takes memory."""


@pytest.mark.parametrize("why", ["it cannot be decoded", "its client left", "it took too long"])
def test_an_image_without_an_answer_is_forgotten_at_once(why: str) -> None:
    """It does not wait for the garbage collector, which comes late where many requests are under way."""
    workers, kept, over = Workers(1), list[weakref.ref[_Image]](), list[bool]()
    progress = Progress(0.1 if why == "it took too long" else 60)

    def work(image: _Image) -> None:
        if why == "it cannot be decoded":
            raise LookupError("poison")
        for _ in range(3000):  # until it is told that nobody wants it any more
            time.sleep(0.02)
            progress.enter("run")

    async def asked() -> None:
        image = _Image()
        kept.append(weakref.ref(image))
        receive = _leaves_after(0.05) if why == "its client left" else _stays
        with suppress(LookupError, ClientLeft, DeadlineExceeded):
            await workers.run(partial(work, image), progress, receive, lambda: over.append(True))
            pytest.fail("it was answered")

    async def asked_and_over() -> None:
        await asked()
        while not over:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)  # what is told of the end has been told

    gc.collect()
    gc.disable()
    try:
        asyncio.run(asked_and_over())
        deadline = time.monotonic() + 60
        while kept[0]() is not None and time.monotonic() < deadline:  # the thread lets go a moment after it told
            time.sleep(0.01)
        assert [reference() for reference in kept] == [None]
    finally:
        gc.enable()
        workers.close()


def _abandoned(seconds: float, error: type[Exception]) -> tuple[list[str], list[str]]:
    """What was done of two images, one under way and one waiting, when nobody wants their answers any more.

    Whoever waits for them leaves as soon as there is one under way, unless it is too late for the answers before.
    """
    workers, phases, over = Workers(1), list[str](), list[str]()
    release = threading.Event()

    async def receive() -> dict[str, Any]:
        while not phases or error is DeadlineExceeded:
            await asyncio.sleep(0.005)
        return {"type": "http.disconnect"}

    def work(name: str, progress: Progress) -> Callable[[], None]:
        def steps() -> None:
            progress.enter("decode")
            phases.append(f"{name} decode")
            release.wait(60)
            progress.enter("run")
            phases.append(f"{name} run")

        return steps

    async def ask(name: str) -> None:
        progress = Progress(seconds)
        with pytest.raises(error):
            await workers.run(work(name, progress), progress, receive, lambda: over.append(name))

    async def both() -> None:
        await asyncio.gather(ask("first"), ask("second"))
        if phases:
            # The second was taken out of the queue; the first is in its thread, and its memory is still in use.
            assert over == ["second"]
        release.set()
        while len(over) < 2:
            await asyncio.sleep(0.005)

    asyncio.run(both())
    workers.close()
    return phases, over


def test_who_leaves_is_dropped_before_the_next_phase() -> None:
    phases, over = _abandoned(60, ClientLeft)
    assert phases == ["first decode"]
    assert over == ["second", "first"]


def test_what_is_too_late_is_dropped_before_the_next_phase() -> None:
    for seconds in (0.05, 0.5, 5.0):
        phases, over = _abandoned(seconds, DeadlineExceeded)
        if phases:  # otherwise it was too late before a thread had begun
            break
    assert phases == ["first decode"]
    assert over == ["second", "first"]


def test_while_requests_are_refused_it_is_one_image_fewer() -> None:
    full = threading.Event()
    workers = Workers(3, full=full.is_set)

    def most() -> int:
        work = _Counted()
        asyncio.run(_ten_times(workers, work))
        return work.most

    assert most() == 3
    full.set()
    assert most() == 2
    full.clear()
    assert most() == 3
    workers.close()


def test_turns_are_taken_in_the_order_in_which_they_were_waited_for() -> None:
    turns, taken = Turns(lambda: 1), list[int]()

    def take(number: int) -> None:
        with turns:
            taken.append(number)

    with turns:
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            while len(turns._waiting) <= number:
                time.sleep(0.001)
        assert taken == []
    for thread in threads:
        thread.join(10)
    assert taken == [0, 1, 2, 3, 4]


def test_images_side_by_side_are_counted() -> None:
    workers, release = Workers(2), threading.Event()

    async def three() -> int:
        tasks = [
            asyncio.create_task(workers.run(lambda: release.wait(60), Progress(60), _stays, _nothing)) for _ in range(3)
        ]
        while workers.together < 2:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        together = workers.together
        release.set()
        await asyncio.gather(*tasks)
        return together

    assert asyncio.run(three()) == 2
    assert workers.together == 0
    workers.close()
