"""A tiny server in the place of the service, for whole commands: what they leave is looked at, not how fast it was."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import cli
from benchmarks.images import USUAL, ImageFile
from benchmarks.processes import Server
from benchmarks.result import Result
from tests.benchmarks.tiny_server import Answer, Request, tiny_server


def fake_service(answer: Callable[[Request], Answer], *, delay: float) -> Callable[..., AbstractContextManager[Server]]:
    """What takes the place of `benchmarks.service.service`."""

    @contextmanager
    def service(
        log: Path, *, store: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> Iterator[Server]:
        with tiny_server(answer, delay=delay) as port:
            yield Server(port, os.getpid(), 0.1, "key")

    return service


def run_command(
    module: ModuleType,
    arguments: list[str],
    answer: Callable[[Request], Answer],
    output: Path,
    *,
    delay: float = 0.005,
) -> Result:
    """Runs a command beside such a server.

    Args:
        module: Of the command.
        arguments: Its name and its options.
        answer: What is answered to a request.
        output: Where it leaves its files; all of them must be there.
        delay: Seconds before an answer.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "service", fake_service(answer, delay=delay))
        if hasattr(module, "photographs"):
            patch.setattr(module, "photographs", lambda: {USUAL: ImageFile(b"a photograph")})
        assert cli.main([*arguments, "--output", str(output)]) == 0
    for ending in ("json", "csv", "png"):
        assert (output / f"{arguments[0]}.{ending}").stat().st_size > 0
    return Result.load(output / f"{arguments[0]}.json")
