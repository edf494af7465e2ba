import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model_store.openvino_quiet import ov
from model_store.openvino_streams import Plan, Streams, compile_model, import_model, read
from model_store.processors import processor_flags
from model_store.store import Store
from tests.tiny_models import MELANOMA, picture

PLAN = Plan("f32", count=2, threads=1)


@pytest.fixture(scope="module")
def streams(pristine: Store) -> Streams:
    return Streams(compile_model(read(pristine.path("classifier", 1)), PLAN), PLAN)


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


def test_what_was_exported_gives_the_same_bits(streams: Streams) -> None:
    imported = import_model(bytes(streams.export()), PLAN)
    assert imported is not None
    again = Streams(imported, PLAN)
    for seed in range(5):
        image = picture(MELANOMA, seed)[np.newaxis]
        (expected,), (found,) = streams.run(image), again.run(image)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, name)


@pytest.mark.parametrize("exported", [b"", b"no model", b"\0" * 5000])
def test_what_is_no_exported_model_is_not_taken(exported: bytes) -> None:
    assert import_model(exported, PLAN) is None


def test_what_it_was_made_for_names_all_that_it_depends_on() -> None:
    plans = [PLAN, Plan("bf16", 2, 1), Plan("f32", 1, 1), Plan("f32", 2, 2)]
    assert len({plan.made_for() for plan in plans}) == len(plans)
    assert ov.get_version() in PLAN.made_for()
    assert set(processor_flags()) <= set(PLAN.made_for().split())
