"""The same SavedModel behind what others serve models with: each as its own documentation recommends, each in a virtual
environment of its own, which is made when it is needed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Program, Server, started
from benchmarks.requests import post_image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENTS = ROOT / ".venv-bench"

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "BENTOML_DO_NOT_TRACK": "True"}
"""TensorFlow reports what it finds of the machine; BentoML reports its user to its makers."""


class PeerUnavailable(Exception):
    """A peer cannot be installed here; says why."""


@dataclass(frozen=True)
class Peer:
    """One of them.

    Attributes:
        name: Of its environment and of its requirements file.
        title: For people.
        command: How it is started; {bin}, {model} and {port} are replaced.
    """

    name: str
    title: str
    command: tuple[str, ...]

    @property
    def requirements(self) -> Path:
        """What its environment holds, pinned with hashes."""
        return ROOT / "requirements" / f"bench-{self.name}.txt"


_SCRIPT = ("--model", "{model}", "--port", "{port}")
PEERS = {
    peer.name: peer
    for peer in (
        Peer("fastapi", "FastAPI + TensorFlow", ("{bin}/python", "fastapi_tf.py", *_SCRIPT)),
        Peer("litserve", "LitServe + TensorFlow", ("{bin}/python", "litserve_tf.py", *_SCRIPT)),
        Peer(
            "bentoml",
            "BentoML + TensorFlow",
            ("{bin}/bentoml", "serve", "bentoml_tf:Front", "--host", "127.0.0.1", "--port", "{port}"),
        ),
    )
}


def install(peer: Peer) -> Path:
    """Makes a peer's environment if it is not there as its requirements name it now (about 2 GB, a minute or two).

    Returns:
        The environment's folder of programs.

    Raises:
        PeerUnavailable: It cannot be made.
    """
    environment = ENVIRONMENTS / peer.name
    installed, wanted = environment / "installed", hashlib.sha256(peer.requirements.read_bytes()).hexdigest()
    if not installed.exists() or installed.read_text() != wanted:
        _run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(environment)])
        pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
        options = ["--quiet", "--disable-pip-version-check", "--require-hashes"]
        _run([*pip, "install", *options, "-r", str(peer.requirements)])
        installed.write_text(wanted)
    return environment / "bin"


@contextmanager
def serving(peer: Peer, programs: Path, model: Path, image: bytes, log: Path) -> Iterator[Server]:
    """Starts a peer; it is ready when it has answered for an image.

    Args:
        peer: Which.
        programs: From `install`.
        model: Directory of the SavedModel.
        image: A JPEG file.
        log: Where its output goes.

    Raises:
        ServerFailed: It did not get ready.
    """
    command = [part.replace("{bin}", str(programs)).replace("{model}", str(model)) for part in peer.command]
    environment = {**QUIET, "BENCH_MODEL": str(model)}
    with started(Program(command, HERE, log, environment), post_image(image)) as server:
        yield server


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - made above
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"{command[0]} ended with status {done.returncode}"]
        raise PeerUnavailable(lines[-1])
