"""Stops in places where not all goes by the book."""

import asyncio
import os
import resource
import signal
import socket
import time
from pathlib import Path

from service.app import create_app
from service.server import Server
from service.settings import Settings
from tests.running_service import running
from tests.service.test_supervisor import classify, processes, until_all_are_ready


def test_a_signal_that_comes_to_every_process_is_one_stop(pristine_store: Path, state: Path) -> None:
    """As systemd sends it to all of a unit, and the supervisor passes on its own."""
    with running(pristine_store, state, PROCESSES="2", DRAIN_SECONDS="600") as service:
        until_all_are_ready(service)
        for pid in (service.process.pid, *processes(service)):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while len(service.events("stopping")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)  # what was to end at once would have
        assert [classify(service) for _ in range(10)] == [200] * 10
        os.kill(service.process.pid, signal.SIGTERM)
        assert service.process.wait(60) == 0


def test_where_there_may_be_no_more_open_files_a_stop_goes_on(pristine_store: Path, state: Path) -> None:
    settings = Settings(store=pristine_store, state=state)
    serving = Server(create_app(settings), settings)

    async def stop(listener: socket.socket) -> None:
        allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
        try:
            await serving._accept_waiting(listener)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        asyncio.run(stop(listener))
