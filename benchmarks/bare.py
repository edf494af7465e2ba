"""The bare work: decode, resize and forward pass without HTTP, in as many threads as there are processors."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

from dermoscopy.prepare import prepare
from model_store.runtime import Runtime


def bare_rate(runtime: Runtime, image: bytes, requests: int) -> float:
    """Images per second.

    Args:
        runtime: The loaded version.
        image: An image file.
        requests: How many times to do it.
    """

    def work(_: int) -> None:
        runtime.run(prepare(image).pixels[None])

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(work, range(requests // 10)))
        start = time.perf_counter()
        list(pool.map(work, range(requests)))
        return requests / (time.perf_counter() - start)
