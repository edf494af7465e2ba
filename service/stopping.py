"""Signals that ask for the end, where there is no server yet, or none at all, that handles them."""

import signal
from types import FrameType
from typing import Protocol

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Stoppable(Protocol):
    should_exit: bool


class Stop:
    """A stop that was asked for is a success, from the first moment on.

    It is only noted. An exception out of a handler could be raised anywhere, also where Python drops it (a destructor,
    the callback of a weak reference), and the stop would be lost.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        """Those that came, in their order."""
        self._server: _Stoppable | None = None
        for number in SIGNALS:
            signal.signal(number, self._told)

    def hand_over(self, server: _Stoppable) -> None:
        """From here on it is the server that stops."""
        self._server = server
        server.should_exit = server.should_exit or bool(self.signals)

    def _told(self, number: int, _: FrameType | None) -> None:
        self.signals.append(number)
        if self._server is not None:
            self._server.should_exit = True
