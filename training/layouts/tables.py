"""What the layouts share: tables of a folder, told apart by their columns, and its pictures by their names."""

from __future__ import annotations

import csv
import filecmp
import io
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

_LEFT_BEHIND = (".", "@", "__")
"""How folders begin that programs leave behind: .ipynb_checkpoints, @eaDir, __MACOSX."""

_OF_COLUMNS = re.compile(r"^meta\.(clinical|acquisition)\.")
"""The archive's older exports write meta.clinical.sex for what newer ones call sex."""


_SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}


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
    """A table as it is in its file; its rows are read when they are asked for.

    Folders hold tables that are about something else, and large: Kaggle's HAM10000 has every pixel as one.

    Attributes:
        path: The file.
        columns: The names in its header.
    """

    path: Path
    columns: frozenset[str]

    @property
    def split(self) -> str:
        """ "test" if the file's name says so; challenges deliver a table for each part."""
        return split_of(self.path)

    @cached_property
    def rows(self) -> dict[int, Row]:
        """Line of the file on which a row ends -> the row.

        Raises:
            SourceError: It is no table, or two columns have one name.
        """
        return _rows(self.path)

    def each(self, make: Callable[[Row], Made]) -> Iterator[Made]:
        """What a function makes of each row; what it finds wrong is told with file and line."""
        for line, row in self.rows.items():
            with line_of(self.path, line):
                made = make(row)
            yield made


class Folder:
    """A data folder: its tables and its pictures, each read when they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Of the source: that of a link to a folder, not the folder's own, which another link may share."""
        return Path(os.path.abspath(self.path)).name  # noqa: PTH100 - Path.absolute keeps a ".."

    @cached_property
    def tables(self) -> list[Path]:
        """Its files that hold tables, whatever they are about."""
        files = (file for folder in _TABLE_FOLDERS for file in sorted((self.path / folder).glob("*")))
        return [file for file in files if _is_table(file)]

    @cached_property
    def sheets(self) -> list[Sheet]:
        """Every table of the folder that has a header and a row."""
        return [Sheet(file, frozenset(names)) for file in self.tables if (names := _header(file))]

    def sheets_with(self, *columns: str) -> list[Sheet]:
        """The tables that have all of these columns."""
        return [sheet for sheet in self.sheets if sheet.columns.issuperset(columns)]

    def by_image(self, key: str, *columns: str) -> dict[str, Row]:
        """Further facts: image -> its row in the tables that have these columns, too."""
        return {row[key]: row for sheet in self.sheets_with(key, *columns) for row in sheet.rows.values()}

    @cached_property
    def pictures(self) -> dict[str, list[Path]]:
        """Name without suffix -> the photographs of that name, wherever below the folder they are."""
        found: dict[str, list[Path]] = defaultdict(list)
        for file in sorted(self.path.rglob("*")):
            if file.suffix.lower() in IMAGE_SUFFIXES and self.is_photograph(file) and file.is_file():
                found[file.stem].append(file)
        return dict(found)

    def picture(self, name: str) -> Path:
        """The file of an image that a table names, with its ending or without.

        Raises:
            SourceError: It is not there, or several files that are not the same have its name.
        """
        given = Path(name)
        files = self.pictures.get(given.stem if given.suffix.lower() in IMAGE_SUFFIXES else name, [])
        if not files:
            raise SourceError(f"names {name!r}, but {self.path} has no such picture")
        *others, file = files
        for other in others:
            # Kaggle hands out HAM10000 with every picture twice: then it does not matter which is taken.
            if not filecmp.cmp(file, other, shallow=False):
                raise SourceError(f"names {name!r}, but which picture is it: {other} or {file}?")
        return file

    def is_photograph(self, file: Path) -> bool:
        """Whether a picture below the folder is no mask or other drawing that archives deliver beside photographs.

        Nor what a program left behind: a thumbnail, a checkpoint, or the half of a file that macOS calls ._0001.jpg.
        """
        inside = file.relative_to(self.path)
        place = inside.with_suffix("").as_posix().lower()
        drawn = any(word in place for word in _NOT_PHOTOGRAPHS) or place.endswith(_MASK_OF)
        return not (drawn or file.name.startswith(".") or any(map(is_left_behind, inside.parts[:-1])))


def number(text: str | None) -> float | None:
    """A number that a table holds; None where it holds none, or one that is not finite."""
    try:
        # Python reads 1_0 as ten.
        found = float(text) if text and "_" not in text else None
    except ValueError:
        return None
    return found if found is not None and math.isfinite(found) else None


def sex(row: Row) -> str:
    """The column "sex" in one form: "male" or "female"; empty where it says neither."""
    return _SEXES.get(row.get("sex", "").strip().lower(), "")


def first(row: Row, names: Iterable[str]) -> str:
    """The first of these columns that says something, see `recorded`."""
    return next((row[name] for name in names if recorded(row.get(name, ""))), "")


def is_left_behind(name: str) -> bool:
    """Whether a folder of this name holds what a program left behind, and nothing that belongs to the data."""
    return name.startswith(_LEFT_BEHIND)


def _is_table(file: Path) -> bool:
    named = file.suffix.lower() == ".csv" or file.name == "HAM10000_metadata"
    return named and not file.name.startswith(".") and file.is_file()


def _column(name: str) -> str:
    return _OF_COLUMNS.sub("", name.strip())


def _header(file: Path) -> list[str]:
    """The names of a table's columns; none if it has no row. What is wrong with it, `_rows` tells."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as opened:
        reader = csv.reader(opened)
        try:
            names = [_column(name) for name in next(reader, [])]
            return names if any(reader) else []
        except csv.Error as error:
            raise SourceError(f"{file}, line {reader.line_num}: {error}") from error


def _rows(file: Path) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    reader = csv.DictReader(io.StringIO(text_of(file), newline=""), restval="")
    try:
        reader.fieldnames = [_column(name) for name in reader.fieldnames or ()]
        twice = [name for name, count in Counter(reader.fieldnames).items() if name and count > 1]
        if twice:  # of which one would count, and nobody could say which
            raise SourceError(f"{file}: two columns are called {twice[0]!r}")
        for row in reader:
            if any(row.pop(None, ())):  # where DictReader puts what is too much
                raise SourceError(f"{file}, line {reader.line_num}: more cells than the header has names")
            rows[reader.line_num] = row
    except csv.Error as error:
        raise SourceError(f"{file}, line {reader.reader.line_num}: {error}") from error
    return rows


def text_of(file: Path) -> str:
    """A table as text.

    Raises:
        SourceError: It is not UTF-8.
    """
    content = file.read_bytes()
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SourceError(f"{file}, line {line}: not UTF-8") from error
