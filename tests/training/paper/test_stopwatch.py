import time
from pathlib import Path

from training.paper.stopwatch import Stopwatch


def _work(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_work_counts_and_waiting_does_not(tmp_path: Path) -> None:
    watch = Stopwatch(tmp_path / "seconds")
    _work(0.05)
    worked = watch.seconds
    assert worked >= 0.05
    time.sleep(0.3)
    assert watch.seconds - worked < 0.2


def test_what_an_interrupted_run_kept_counts_and_what_it_did_not_keep_is_lost(tmp_path: Path) -> None:
    first = Stopwatch(tmp_path / "seconds")
    _work(0.05)
    first.keep()
    kept = first.seconds
    _work(0.2)
    second = Stopwatch(tmp_path / "seconds")
    assert 0.05 <= second.seconds < kept + 0.15
