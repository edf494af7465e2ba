"""Data folders as archives hand them out: tables as given, and a small picture for each name."""

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image


def picture(path: Path) -> None:
    """A picture of 8 x 8 pixels: the layouts never look into it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "brown").save(path)


def table(path: Path, *rows: Sequence[str]) -> None:
    """A CSV file; the first row is its header, if it has one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
