"""What the layouts share: tables of a folder, told apart by their columns, and its pictures by their names."""

from __future__ import annotations

import csv
import filecmp
import io
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from training.images import IMAGE_SUFFIXES, SourceError, recorded

Row = dict[str, str]
Made = TypeVar("Made")

_TEST = re.compile("(?<![A-Za-z])test|Test|TEST")
"""In the name of a table, and not in `latest`."""

_TABLE_FOLDERS = (".", "meta")
_NOT_PHOTOGRAPHS = ("segmentation", "mask", "superpixel", "attribute")
"""In the names of files that archives deliver beside their photographs, or of the folders that these lie in."""

_MASK_OF = "_lesion"
"""At the end of the names of PH2's masks; elsewhere it says nothing: `patient3_lesion2` may well be a photograph."""


@contextmanager
def line_of(file: Path, number: int) -> Iterator[None]:
    """What is wrong with a line is told with its file and number: nobody finds it among thousands otherwise."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"{file}, line {number}: {error}") from error


def split_of(table: Path) -> str:
    """ "test" for a table that is named after a test set, else empty."""
    return "test" if _TEST.search(table.stem) else ""


@dataclass(frozen=True)
class Sheet:
    """A table as it is in its file.

    Attributes:
        path: The file.
        columns: The names in its header.
        rows: Its rows.
        lines: On which line of the file each row ends.
    """

    path: Path
    columns: frozenset[str]
    rows: list[Row]
    lines: list[int] = field(default_factory=list)

    @property
    def split(self) -> str:
        """ "test" if the file's name says so; challenges deliver a table for each part."""
        return split_of(self.path)

    def each(self, make: Callable[[Row], Made]) -> Iterator[Made]:
        """What a function makes of each row; what it finds wrong is told with file and line."""
        for row, line in zip(self.rows, self.lines, strict=True):
            with line_of(self.path, line):
                made = make(row)
            yield made


class Folder:
    """A data folder: its tables and its pictures, each read when they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Of the source."""
        return self.path.resolve().name

    @cached_property
    def sheets(self) -> list[Sheet]:
        """Every table of the folder that has a header and a row."""
        files = [file for folder in _TABLE_FOLDERS for file in sorted((self.path / folder).glob("*"))]
        return [sheet for file in files if _is_table(file) for sheet in _read(file)]

    def sheets_with(self, *columns: str) -> list[Sheet]:
        """The tables that have all of these columns."""
        return [sheet for sheet in self.sheets if sheet.columns.issuperset(columns)]

    def by_image(self, key: str, *columns: str) -> dict[str, Row]:
        """Further facts: image -> its row in the tables that have these columns, too."""
        return {row[key]: row for sheet in self.sheets_with(key, *columns) for row in sheet.rows}

    @cached_property
    def pictures(self) -> dict[str, list[Path]]:
        """Name without suffix -> the photographs of that name, wherever below the folder they are."""
        found: dict[str, list[Path]] = defaultdict(list)
        for file in sorted(self.path.rglob("*")):
            if file.suffix.lower() in IMAGE_SUFFIXES and self.is_photograph(file):
                found[file.stem].append(file)
        return dict(found)

    def picture(self, name: str) -> Path:
        """The file of an image that a table names.

        Raises:
            SourceError: It is not there, or several files that are not the same have its name.
        """
        files = self.pictures.get(name, [])
        if not files:
            raise SourceError(f"names {name!r}, but {self.path} has no such picture")
        *others, file = files
        for other in others:
            # Kaggle hands out HAM10000 with every picture twice: then it does not matter which is taken.
            if not filecmp.cmp(file, other, shallow=False):
                raise SourceError(f"names {name!r}, but which picture is it: {other} or {file}?")
        return file

    def is_photograph(self, file: Path) -> bool:
        """Whether a picture below the folder is no mask or other drawing that archives deliver beside photographs."""
        place = file.relative_to(self.path).with_suffix("").as_posix().lower()
        return not any(word in place for word in _NOT_PHOTOGRAPHS) and not place.endswith(_MASK_OF)


def number(text: str | None) -> float | None:
    """A number that a table holds; None where it holds none, or one that is not finite."""
    try:
        found = float(text) if text else None
    except ValueError:
        return None
    return found if found is not None and math.isfinite(found) else None


def first(row: Row, names: Iterable[str]) -> str:
    """The first of these columns that says something, see `recorded`."""
    return next((row[name] for name in names if recorded(row.get(name, ""))), "")


def _is_table(file: Path) -> bool:
    return file.suffix.lower() == ".csv" or file.name == "HAM10000_metadata"


def _read(file: Path) -> list[Sheet]:
    rows: list[Row] = []
    lines: list[int] = []
    reader = csv.DictReader(io.StringIO(_text(file), newline=""), restval="")
    try:
        # The archive's older exports write meta.clinical.sex for what newer ones call sex.
        reader.fieldnames = [name.rsplit(".", 1)[-1].strip() for name in reader.fieldnames or ()]
        for row in reader:
            if any(row.pop(None, ())):  # where DictReader puts what is too much
                raise SourceError(f"{file}, line {reader.line_num}: more cells than the header has names")
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise SourceError(f"{file}, line {reader.reader.line_num}: {error}") from error
    return [Sheet(file, frozenset(reader.fieldnames), rows, lines)] if rows else []


def _text(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SourceError(f"{file}, line {line}: not UTF-8") from error
