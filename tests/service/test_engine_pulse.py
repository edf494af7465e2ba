import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service import engine as module
from service.engine import Engine
from service.settings import Settings


def test_while_a_version_is_loaded_it_is_known_that_the_others_answer(
    store: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a small machine that is busy this can take longer than a pulse counts."""
    engine = Engine(Settings(store=store, state=state))
    engine.start()
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "PULSE_SECONDS", 0.0)
    loading, loaded, stop = threading.Event(), threading.Event(), threading.Event()

    def load() -> None:
        loading.set()
        loaded.wait(120)

    monkeypatch.setattr(engine, "refresh", load)
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(engine.watch, stop)
        try:
            assert loading.wait(60)
            before, deadline = engine._pulsed, time.monotonic() + 60
            while engine._pulsed == before:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert engine.trouble is None
        finally:
            stop.set()
            loaded.set()
        watching.result(60)
    assert not [thread for thread in threading.enumerate() if thread.name == "pulse"]
