import time

import pytest

from service.problems import ClientLeft, DeadlineExceeded
from service.progress import Progress


def test_every_phase_has_its_time_and_together_they_are_the_whole() -> None:
    progress = Progress(10)
    for phase in ("wait", "decode", "run", "write"):
        time.sleep(0.002)
        progress.enter(phase)
    time.sleep(0.002)
    least = time.perf_counter() - progress.begun
    progress.finish()
    most = time.perf_counter() - progress.begun
    assert list(progress.seconds) == ["receive", "wait", "decode", "run", "write"]
    assert all(took >= 0.002 for took in progress.seconds.values())
    assert least <= sum(progress.seconds.values()) + 1e-9 <= most + 2e-9


def test_a_phase_is_called_what_it_turns_out_to_be() -> None:
    progress = Progress(10)
    time.sleep(0.002)
    progress.rename("load")
    progress.enter("receive")
    progress.finish()
    assert list(progress.seconds) == ["load", "receive"]
    assert progress.seconds["load"] >= 0.002


def test_a_phase_that_is_entered_twice_adds_up() -> None:
    progress = Progress(10)
    progress.enter("run")
    time.sleep(0.002)
    progress.enter("write")
    first = progress.seconds["run"]
    progress.enter("run")
    time.sleep(0.002)
    progress.finish()
    assert progress.seconds["run"] >= first + 0.002


def test_after_the_deadline_no_phase_is_entered() -> None:
    progress = Progress(0.001)
    time.sleep(0.002)
    assert progress.left < 0
    with pytest.raises(DeadlineExceeded, match=r"within 0\.001 seconds"):
        progress.enter("decode")


def test_abandoned_it_says_why() -> None:
    progress = Progress(10)
    progress.enter("wait")
    progress.abandon(ClientLeft("gone"))
    with pytest.raises(ClientLeft, match="gone"):
        progress.enter("decode")


def test_the_phases_of_parts_add_up() -> None:
    whole, part = Progress(10), Progress(10)
    part.seconds = {"decode": 0.25, "run": 0.5}
    whole.add(part)
    whole.add(part)
    assert (whole.seconds["decode"], whole.seconds["run"]) == (0.5, 1.0)


def test_after_the_end_no_phase_goes_on() -> None:
    progress = Progress(10)
    progress.finish()
    ended = dict(progress.seconds)
    time.sleep(0.002)
    progress.finish()
    assert progress.seconds == ended
