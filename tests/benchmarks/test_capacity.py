import os

import pytest

from benchmarks.capacity import CLIENTS, capacity
from benchmarks.processes import Server, ServerFailed
from benchmarks.requests import get
from tests.benchmarks.tiny_server import Answer, tiny_server


def test_capacity_is_what_waiting_clients_get() -> None:
    with tiny_server(delay=0.1) as port:
        assert 0 < capacity(Server(port, os.getpid(), 0.0), get("/"), 0.4) <= CLIENTS / 0.1


def test_there_is_none_where_requests_fail() -> None:
    with tiny_server(lambda _: Answer(500)) as port, pytest.raises(ServerFailed, match="500"):
        capacity(Server(port, os.getpid(), 0.0), get("/"), 0.1)
