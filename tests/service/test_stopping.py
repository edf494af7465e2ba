"""Signals before there is a server: none lost, none deadly."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from service.stopping import SIGNALS, Stop, held_back


class Stoppable:
    should_exit = False


@pytest.fixture
def stop() -> Iterator[Stop]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Stop()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_one_that_comes_early_stops_the_server_that_is_made_later(stop: Stop, number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    assert stop.signals == [number]
    server = Stoppable()
    stop.hand_over(server)
    assert server.should_exit


def test_one_that_comes_after_stops_the_server_at_once(stop: Stop) -> None:
    server = Stoppable()
    stop.hand_over(server)
    assert not server.should_exit
    os.kill(os.getpid(), signal.SIGTERM)
    assert server.should_exit


def test_a_process_gets_what_was_sent_before_it_could_handle_it() -> None:
    program = "import time; time.sleep(0.3); from service.stopping import Stop; print(Stop().signals, flush=True)"
    with held_back():
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert output == b"[15]\n"
    assert process.returncode == 0


def test_who_starts_it_loses_none_either(stop: Stop) -> None:
    with held_back():
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.signals == [signal.SIGTERM]
