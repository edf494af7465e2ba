import io
import os
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.bare import bare_files, bare_probability, bare_rate, bare_times


class Slow:
    """A runtime that takes 20 ms."""

    name: Literal["openvino"] = "openvino"
    precision: Literal["f32"] = "f32"
    crowded = False

    def __init__(self) -> None:
        self.together: list[int] = []
        self.ready = False

    def run(self, images: NDArray[np.uint8], *, together: int = 1) -> dict[str, NDArray[np.float32]]:
        assert images.shape == (1, 224, 224, 3)
        self.together.append(together)
        time.sleep(0.02)
        return {"probability": np.full(1, 0.25, np.float32)}

    def expect_crowds(self) -> None:
        self.ready = True

    def keep_compiled(self) -> None:
        pass


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "brown").save(file, "JPEG")
    return file.getvalue()


def test_alone_one_image_follows_the_other(jpeg: bytes) -> None:
    times = bare_times(slow := Slow(), jpeg, 0.2)
    assert set(slow.together) == {1}
    assert 1 <= len(times) <= 10
    assert min(times) >= 0.02


def test_as_many_at_once_as_there_are_processors(jpeg: bytes) -> None:
    rate, times = bare_rate(slow := Slow(), jpeg, 0.2)
    assert slow.ready
    assert set(slow.together) == {len(os.sched_getaffinity(0))}
    assert rate <= len(os.sched_getaffinity(0)) / 0.02
    assert min(times) >= 0.02
    assert len(times) >= len(os.sched_getaffinity(0))


def test_what_the_model_says(jpeg: bytes) -> None:
    assert bare_probability(Slow(), jpeg) == 0.25


def test_each_file_once(jpeg: bytes, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(6)]
    for file in files:
        file.write_bytes(jpeg)
    slow = Slow()
    assert bare_files(slow, files) >= 6 * 0.02 / len(os.sched_getaffinity(0))
    assert len(slow.together) == 6
