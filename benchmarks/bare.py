"""The bare work: decode, resize and forward pass without HTTP. Nothing that does them can do more of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.load import clock
from dermoscopy.prepare import prepare
from model_store.runtime import Runtime


def bare_rate(runtime: Runtime, image: bytes, seconds: float) -> tuple[float, list[float]]:
    """Images a second, in as many threads as there are processors, and how long each image took.

    Args:
        runtime: The loaded version.
        image: An image file.
        seconds: For how long.
    """
    threads = len(os.sched_getaffinity(0))
    runtime.expect_crowds()
    begun = clock()
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(bare_times, runtime, image, seconds, threads) for _ in range(threads)]
        times = [taken for future in futures for taken in future.result()]
    return len(times) / (clock() - begun), times


def bare_files(runtime: Runtime, files: Sequence[Path]) -> float:
    """Seconds that many files take, each read and worked on once, in as many threads as there are processors."""
    threads = len(os.sched_getaffinity(0))
    runtime.expect_crowds()
    begun = clock()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda file: _once(runtime, file.read_bytes(), threads), files):
            pass
    return clock() - begun


def bare_times(runtime: Runtime, image: bytes, seconds: float, together: int = 1) -> list[float]:
    """Seconds that each image takes, one after the other.

    Args:
        runtime: The loaded version.
        image: An image file.
        seconds: For how long.
        together: How many threads do this; the forward pass of one alone may use every processor.
    """
    until, times = clock() + seconds, []
    while (begun := clock()) < until:
        _once(runtime, image, together)
        times.append(clock() - begun)
    return times


def bare_probability(runtime: Runtime, image: bytes) -> float:
    """What the model says of an image, to compare with what the others answer."""
    return float(np.ravel(_once(runtime, image, 1)["probability"])[0])


def _once(runtime: Runtime, image: bytes, together: int) -> dict[str, NDArray[np.float32]]:
    return runtime.run(prepare(image).pixels[None], together=together)
