import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model_store.openvino_streams import Streams, read
from model_store.store import Store
from tests.tiny_models import MELANOMA, picture


@pytest.fixture(scope="module")
def streams(pristine: Store) -> Streams:
    return Streams(read(pristine.path("classifier", 1)), "f32", count=2, threads=1)


def test_as_many_images_as_there_are_idle_streams_in_their_order(streams: Streams) -> None:
    images = np.stack([picture(MELANOMA, seed) for seed in range(3)])
    rows = streams.run(images)
    assert len(rows) == 2
    for row, image in zip(rows, images, strict=False):
        (alone,) = streams.run(image[np.newaxis])
        np.testing.assert_array_equal(row["logit"], alone["logit"])


def test_more_threads_than_streams_wait_for_one(streams: Streams) -> None:
    images = [picture(MELANOMA, seed)[np.newaxis] for seed in range(4)]
    expected = [float(streams.run(image)[0]["probability"][0]) for image in images]
    together = threading.Barrier(4)

    def ask(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[float]:
        together.wait()
        return [float(streams.run(image)[0]["probability"][0]) for _ in range(25)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, images))
    assert found == [[value] * 25 for value in expected]


def test_a_stream_whose_run_fails_is_replaced(streams: Streams) -> None:
    for _ in range(5):
        with pytest.raises(ValueError, match="broadcast"):
            streams.run(np.zeros((1, 7, 7, 3), np.uint8))
    assert streams.run(picture(MELANOMA, 0)[np.newaxis])[0]["probability"].shape == (1,)
