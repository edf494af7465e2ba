"""An engine that loads while something else goes on."""

import gc
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.early import SWITCH_SECONDS, end_start, start_early
from service.engine import Selection
from service.settings import Settings


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    gc.unfreeze()
    yield
    end_start()
    gc.freeze()
    sys.setswitchinterval(before)


def test_it_loads_in_a_thread_of_its_own_and_garbage_is_collected_again_afterwards(
    pristine_store: Path, state: Path
) -> None:
    engine = start_early(Settings(store=pristine_store, state=state))
    assert not gc.isenabled()
    deadline = time.monotonic() + 60
    while not engine.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert engine.find("classifier", Selection()) is not None
    engine.start()  # waits for the first load, and finds nothing more to do
    end_start()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)


def test_a_store_that_is_not_there_ends_it_too(tmp_path: Path) -> None:
    engine = start_early(Settings(store=tmp_path / "nothing", state=tmp_path))
    deadline = time.monotonic() + 60
    while not engine.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert engine.find("classifier", Selection()) is None
