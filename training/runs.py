"""The working folder of a run that can be taken up again: what it was started with must be what it goes on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class OtherRun(ValueError):
    """The folder holds a run that was started with something else."""


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
        if file.is_file() and file.read_text("utf-8") != text:
            hint = "name another folder with --run, or remove it"
            raise OtherRun(f"{folder} holds a run with another {name}; {hint}")
        file.write_text(text, "utf-8")
