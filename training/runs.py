"""The working folder of a run that can be taken up again: what it was started with must be what it goes on with."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOCK = ".lock"


class OtherRun(ValueError):
    """The folder holds a run that was started with something else, or that another process is working on."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keeps every other process out of a run's folder; whoever is killed lets go of it.

    Two that write checkpoints and artifacts into one would publish a mixture. On a disk without locks nobody is kept
    out.

    Raises:
        OtherRun: Another process works there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "wait for it, or name another folder with --run"
            raise OtherRun(f"another process is working in {folder}; {hint}") from error
        except OSError:
            pass
        yield


def remember(folder: Path, **described: Any) -> None:
    """Writes what a new run is started with; refuses to go on with anything else.

    Args:
        folder: Of the run.
        described: Plain values; each goes into a file of its name.

    Raises:
        OtherRun: The folder was started with other ones: another recipe would be a mixture of two, another split
            would test on images that were trained on, and corrected labels would stay half learned as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in described.items():
        file, text = folder / f"{name}.json", json.dumps(value, indent=2) + "\n"
        if file.is_file():
            if file.read_text("utf-8") != text:
                hint = "name another folder with --run, or remove it"
                raise OtherRun(f"{folder} holds a run with another {name}; {hint}")
            continue
        partial = file.with_suffix(".partial")  # half a file would refuse every checkpoint beside it
        partial.write_text(text, "utf-8")
        partial.rename(file)
