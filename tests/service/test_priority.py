import os
import threading
from concurrent.futures import ThreadPoolExecutor

from service.priority import NICENESS, give_way


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_thread_gives_way_and_so_do_those_that_it_starts_and_no_other() -> None:
    before = _niceness()

    def compute() -> tuple[int, int]:
        give_way()
        with ThreadPoolExecutor(1) as inner:
            return _niceness(), inner.submit(_niceness).result()

    with ThreadPoolExecutor(1) as outer:
        assert outer.submit(compute).result() == (min(before + NICENESS, 19), min(before + NICENESS, 19))
    assert _niceness() == before
