"""An engine that loads while something else goes on."""

import gc
import time
from pathlib import Path

from service.early import start_early
from service.engine import Selection
from service.settings import Settings


def test_it_loads_in_a_thread_of_its_own_and_garbage_is_collected_again_afterwards(
    pristine_store: Path, state: Path
) -> None:
    engine = start_early(Settings(store=pristine_store, state=state))
    deadline = time.monotonic() + 30
    while not engine.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert engine.find("classifier", Selection()) is not None
    engine.start()  # waits for the first load, and finds nothing more to do
    while not gc.isenabled():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_store_that_is_not_there_ends_it_too(tmp_path: Path) -> None:
    engine = start_early(Settings(store=tmp_path / "nothing", state=tmp_path))
    deadline = time.monotonic() + 30
    while not (engine.started and gc.isenabled()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert engine.find("classifier", Selection()) is None
