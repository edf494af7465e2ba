"""Our service, started as an operator would: API keys, limits, metrics and a log line for every request are on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import Program, Server, ServerFailed, started
from benchmarks.requests import get

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / "model_store" / "models"


@contextmanager
def service(
    log: Path, *, store: Path = STORE, state: Path | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Starts the service with one API key, which may do everything.

    Args:
        log: Where its log goes.
        store: Directory of the versions.
        state: Its state folder; without it an empty one, so that it compiles its models as at its very first start.
        variables: Settings for it, beside those of this process.

    Raises:
        ServerFailed: It did not get ready.
    """
    with TemporaryDirectory() as fresh:
        keys = Path(fresh) / "keys.json"
        key = _make_key(keys)
        options = {"port": "{port}", "store": store, "state": state or fresh, "keys": keys}
        command = [sys.executable, "-m", "service", *(f"--{name}={value}" for name, value in options.items())]
        with started(Program(command, ROOT, log, variables or {}), get("/readyz"), key=key) as server:
            yield server


def _make_key(file: Path) -> str:
    main = "import sys; from service.cli import main; sys.exit(main())"
    arguments = ["keys", "add", "--name", "bench", "--scope", "infer", "--scope", "admin", "--file", str(file)]
    made = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-c", main, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise ServerFailed(f"no API key can be made: {made.stderr.strip()}")
    return made.stdout.strip()
