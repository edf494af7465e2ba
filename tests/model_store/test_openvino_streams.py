import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from model_store.openvino_quiet import ov
from model_store.openvino_streams import Plan, Streams, compile_model, import_all, in_memory, made_for, read
from model_store.processors import processor_flags
from model_store.store import Store
from tests.tiny_models import MELANOMA, picture

PLAN = Plan("f32", count=2, threads=1)
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compiled(pristine: Store) -> ov.Tensor:
    return in_memory(compile_model(read(pristine.path("classifier", 1)), "f32"))


@pytest.fixture(scope="module")
def streams(compiled: ov.Tensor) -> Streams:
    return imported(compiled, PLAN)


def imported(compiled: ov.Tensor, plan: Plan) -> Streams:
    models = import_all(compiled, plan)
    assert models is not None
    return Streams(models, plan)


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


@pytest.mark.parametrize("plan", [Plan("f32", 1, 2), Plan("f32", 2, 2), Plan("f32", 3, 1)])
def test_every_plan_gives_the_same_bits(compiled: ov.Tensor, streams: Streams, plan: Plan) -> None:
    again = imported(compiled, plan)
    for seed in range(5):
        image = picture(MELANOMA, seed)[np.newaxis]
        (expected,), (found,) = streams.run(image), again.run(image)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, name)


def test_an_image_that_has_one_thread_is_computed_in_the_thread_that_asks(streams: Streams) -> None:
    """A stream that hands its work to another thread leaves processors idle while it does."""
    image = picture(MELANOMA, 0)[np.newaxis]
    streams.run(image)

    def here() -> float:
        """Of what twenty take of the processors, the share of this thread."""
        everywhere, mine = time.process_time(), time.thread_time()
        for _ in range(20):
            streams.run(image)
        return (time.thread_time() - mine) / (time.process_time() - everywhere)

    # Threads of what was tested before may be at work, too.
    assert max(here() for _ in range(10)) > 0.8


WITHOUT_MEMORY = """
import resource, sys
from pathlib import Path
from model_store.errors import RefusedVersion
from model_store.openvino_streams import compile_model, core, read
model = read(Path(sys.argv[1]))
core().get_property("CPU", "FULL_DEVICE_NAME")
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), resource.RLIM_INFINITY))
try:
    compile_model(model, "f32")
except RefusedVersion as error:
    print(type(error).__name__, error)
"""


def test_what_cannot_be_compiled_for_lack_of_memory_is_refused_for_now(pristine: Store) -> None:
    command = [sys.executable, "-c", WITHOUT_MEMORY, str(pristine.path("classifier", 1))]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert done.stdout == "RefusedForNow OpenVINO cannot compile the SavedModel.\n"


@pytest.mark.parametrize("kept", [b"", b"no model", b"\0" * 5000])
def test_what_is_no_compiled_model_is_not_taken(kept: bytes) -> None:
    assert import_all(in_memory(kept), PLAN) is None


def test_what_it_was_made_for_names_all_that_it_depends_on() -> None:
    assert made_for("f32") != made_for("bf16")
    assert ov.get_version() in made_for("f32")
    assert set(processor_flags()) <= set(made_for("f32").split())
