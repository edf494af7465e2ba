"""How much the service can do: what overload and soak are a share of."""

from __future__ import annotations

from benchmarks.load import closed_loop, for_seconds, run
from benchmarks.processes import Server, ServerFailed

CLIENTS = 16


def capacity(server: Server, request: bytes, seconds: float) -> float:
    """Answers a second to 16 clients that each ask again as soon as they have their answer.

    Raises:
        ServerFailed: It answered something else than 200.
    """
    samples = run(closed_loop(server.port, request, CLIENTS, for_seconds(seconds)))
    if samples.counts().keys() != {200}:
        raise ServerFailed(f"with {CLIENTS} clients it answers {samples.counts()}")
    return samples.rate()
