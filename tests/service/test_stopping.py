"""Signals before there is a server: none lost, none deadly."""

import os
import signal

import pytest

from service.stopping import SIGNALS, Stop


class Stoppable:
    should_exit = False


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
