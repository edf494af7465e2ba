"""Fetches collections of the ISIC Archive with its own command line, `isic`, for whoever has internet access."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

PROGRAM = "isic"

HOW_TO_INSTALL = (
    "the ISIC Archive's own command line is needed: install it with `pip install isic-cli`, see what there is with "
    "`isic collection list`"
)


class FetchFailed(Exception):
    """Nothing, or not everything, was fetched; the message says why."""


def fetch(collections: Sequence[int], folder: Path, *, limit: int | None = None) -> None:
    """Fetches images and metadata into a folder that `sources` reads: metadata.csv and images/.

    What is there already is not fetched again.

    Args:
        collections: Numbers of collections, as `isic collection list` shows them.
        folder: Where to.
        limit: At most so many images, and rows of the table: one that lists others cannot be read.

    Raises:
        FetchFailed: `isic` is not there, or failed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise FetchFailed(HOW_TO_INSTALL)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = ["--collections", ",".join(map(str, collections))]
    few = [] if limit is None else ["--limit", str(limit)]
    _run([program, "metadata", "download", *wanted, *few, "--outfile", str(folder / "metadata.csv")])
    _run([program, "image", "download", *wanted, *few, str(folder / "images")])


def _run(command: list[str]) -> None:
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - the archive's program, numbers as arguments
    if status:
        raise FetchFailed(f"`{' '.join([PROGRAM, *command[1:]])}` ended with status {status}; it says why above")
