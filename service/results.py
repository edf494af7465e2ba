"""What the command line writes of images: one row for each, to look at or to go on from."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from service.naming import on_one_line, told_as

if TYPE_CHECKING:
    from service.asking import Reply

Row = dict[str, Any]

_CERTAIN = {"0.000": "<0.001", "1.000": ">0.999"}
"""What a probability of nearly none or all would be rounded to -> what it is called instead."""

_NAMES = "surrogateescape"
"""How names of files that are no UTF-8 are written and read: as the bytes that they are."""

CLASSIFY_COLUMNS = (
    "file", "decision", "probability", "melanoma", "other_malignant", "benign", "suspected", "operating_point",
    "threshold", "model", "version", "model_sha256", "image_sha256", "issues", "problem", "detail",
)  # fmt: skip
GRADE_COLUMNS = (
    *CLASSIFY_COLUMNS[:7], "stage", "stage_1", "stage_2", "stage_3", "withheld", *CLASSIFY_COLUMNS[7:], "caveat",
)  # fmt: skip
"""`model` to `model_sha256` are the grader's. `caveat` came later than the others: no other has moved for it."""

IDENTITY = ("model", "version", "model_sha256", "operating_point")
"""What all rows of one file have in common: an answer of another version is not comparable."""


class MixedResults(Exception):
    """The file holds answers to another question, or of another version, or another run is writing to it."""


def columns_of(task: str) -> tuple[str, ...]:
    """The columns of "classify" or "grade"."""
    return GRADE_COLUMNS if task == "grade" else CLASSIFY_COLUMNS


def row_of(file: str, reply: Reply) -> Row:
    """A flat row; what is not there is empty."""
    if reply.answer is None:
        problem = reply.problem or {}
        return {"file": file, "problem": problem["code"], "detail": problem["detail"]}
    answer = reply.answer
    decided = answer.get("classification", answer)
    point, model, grade = decided["operating_point"], answer["model"], answer.get("grade")
    row = {
        "file": file,
        "decision": decided["decision"],
        "probability": decided["probability"],
        **(decided["classes"] or {}),
        "suspected": " ".join(one["code"] for one in decided["differential"] or []),
        "issues": " ".join((decided.get("quality") or {}).get("issues", [])),
        "operating_point": point["name"],
        "threshold": point["threshold"],
        "model": model["name"],
        "version": model["version"],
        "model_sha256": model["sha256"],
        "image_sha256": answer["image"]["sha256"],
    }
    if grade is not None:
        row |= {"stage": grade["stage"], "caveat": grade.get("caveat")}
        row |= {f"stage_{name}": value for name, value in grade["probabilities"].items()}
    return row | {"withheld": answer["grade_withheld"]} if "grade_withheld" in answer else row


def table(rows: Iterable[Row], task: str) -> str:
    """Rows for a person: what was decided, not where from; a stage that says little is marked."""
    rows = [row | {"stage": f"{row['stage']} (caveat)"} if row.get("caveat") else row for row in rows]
    unfit = ["issues"] if any(row.get("issues") for row in rows) else []
    shown = ["file", "decision", "probability", *(["stage"] if task == "grade" else []), *unfit, "problem"]
    lines = [shown, *([_cell(row.get(name)) for name in shown] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(shown))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return _share(value) if isinstance(value, float) else on_one_line(str(value)) or "-"


def _share(value: float) -> str:
    """With three digits, and never as a certainty that nobody has."""
    text = f"{value:.3f}"
    return _CERTAIN.get(text, text) if 0 < value < 1 else text


@dataclass(frozen=True)
class Line:
    """Rows as lines of text."""

    columns: tuple[str, ...]

    def header(self) -> str:
        """The first line of a CSV."""
        return self.csv(dict(zip(self.columns, self.columns, strict=True)))

    def csv(self, row: Mapping[str, Any]) -> str:
        """A line of a CSV."""
        text = io.StringIO()
        values = ["" if row.get(name) is None else row[name] for name in self.columns]
        # With both, it puts quotes around what has either: a name may.
        csv.writer(text, lineterminator="\r\n").writerow(values)
        return text.getvalue().removesuffix("\r\n") + "\n"

    def json(self, row: Mapping[str, Any]) -> str:
        """A line of JSON."""
        return json.dumps({name: row.get(name) for name in self.columns}) + "\n"


class Results:
    """A file of rows, CSV or JSON lines by its name, that is complete after every row and can be gone on from.

    Use it as a context manager. Nobody else can write to the file meanwhile.
    """

    def __init__(self, path: Path, task: str) -> None:
        """Reads what is there.

        Args:
            path: Ends in .csv, .jsonl or .json; JSON is one object a line.
            task: "classify" or "grade".

        Raises:
            MixedResults: It holds something else, or another run is writing to it.
            OSError: It cannot be read.
        """
        self.path, self.columns, self._json = path, columns_of(task), path.suffix != ".csv"
        self._lines = Line(self.columns)
        self._line = self._lines.json if self._json else self._lines.csv
        self._identity: tuple[str, ...] | None = None
        self._always: bool | None = None
        self._found = path.exists()
        with ExitStack() as held:
            if self._found:
                self._take(path, held)
            # What had a problem is tried again.
            self._kept = {row["file"]: row for row in (self._read() if self._found else [])}
            for row in self._kept.values():
                self.check(row)
            self._held = held.pop_all()

    def holds(self, name: str, file: Path) -> bool:
        """Whether it has an answer about this picture; one about another picture of this name is left out from now on.

        Args:
            name: What its row calls the file.
            file: Where it is.
        """
        row = self._kept.get(name)
        if row is not None and row["image_sha256"] == _sha256_of(file):
            return True
        self._kept.pop(name, None)
        return False

    def __enter__(self) -> Results:
        # Anew, without problems that are tried again and without a last line that a kill cut off. Where a link leads,
        # and with the permissions that somebody gave it: in the rows are names of files.
        place = Path(os.path.realpath(self.path))
        partial = place.with_name(f".{place.name}.partial")
        with told_as(self.path), self._held:
            self._file = self._take(partial, self._held)
            if self.path.exists() != self._found:
                partial.unlink()
                raise self._taken()
            try:
                self._begin()
                if self._found:
                    shutil.copymode(place, partial)
                partial.replace(place)
            except OSError:
                partial.unlink()
                raise
            self._held = self._held.pop_all()
        return self

    def _begin(self) -> None:
        self._file.truncate(0)
        self._file.write("" if self._json else self._lines.header())
        self._file.writelines(map(self._line, self._kept.values()))
        self._file.flush()

    def __exit__(self, *_: object) -> None:
        with told_as(self.path):
            self._held.close()

    def add(self, row: Row) -> None:
        """Writes a row.

        Raises:
            MixedResults: See `check`.
            OSError: It cannot be written; a part of the row may have been.
        """
        self.check(row)
        with told_as(self.path):
            self._file.write(self._line(row))
            self._file.flush()

    def check(self, row: Mapping[str, Any]) -> None:
        """Whether a row may stand beside those that are there.

        Raises:
            MixedResults: It is the answer of another version, or at another operating point, or it has a grade where
                those before would have none.
        """
        if not row.get("decision"):
            return
        identity = tuple(str(row.get(name)) for name in IDENTITY)
        if self._identity is None:
            self._identity = identity
        if identity != self._identity:
            here, there = (f"{one[0]}/{one[1]} at {one[3]}" for one in (identity, self._identity))
            raise MixedResults(f"{self.path} holds answers of {there}, and this one is of {here}: name another file")
        always = _graded_always(row)
        if self._always is None:
            self._always = always
        if always not in (None, self._always):
            raise MixedResults(f"{self.path} holds answers with and without --always: name another file")

    def _take(self, path: Path, held: ExitStack) -> TextIO:
        """Opens a file that nobody else may take until `held` ends; where files cannot be locked, everybody may."""
        file = held.enter_context(path.open("a", encoding="utf-8", newline="", errors=_NAMES))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._taken() from None
        except OSError:
            pass  # a file system that cannot lock
        return file

    def _taken(self) -> MixedResults:
        return MixedResults(f"another run is writing to {self.path}: wait for its end, or name another file")

    def _read(self) -> list[Row]:
        try:
            # Line breaks as they are: a name may have one.
            with self.path.open(encoding="utf-8", errors=_NAMES, newline="") as file:
                rows = self._rows(self._whole(file.read()))
        except (ValueError, TypeError, RecursionError, csv.Error):
            rows = [{}]
        if any(tuple(row) != self.columns for row in rows):
            raise MixedResults(f"{self.path} holds something else: name another file")
        return [row for row in rows if row["decision"]]

    def _whole(self, text: str) -> str:
        """Without the beginning of a row that a kill cut off; in a CSV, what stands in quotes may have line breaks."""
        end = text.rfind("\n") + 1
        quotes = 0 if self._json else text.count('"', 0, end)
        while quotes % 2:
            begin = text.rfind("\n", 0, end - 1) + 1
            quotes -= text.count('"', begin, end)
            end = begin
        return text[:end]

    def _rows(self, text: str) -> list[Row]:
        if self._json:
            return [dict(json.loads(line)) for line in text.splitlines()]
        if not text:
            return []
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey="more", strict=True)
        rows: list[Row] = [dict(row) for row in reader]
        if not rows and tuple(reader.fieldnames or ()) != self.columns:
            return [{}]
        return rows


def _graded_always(row: Mapping[str, Any]) -> bool | None:
    """Whether a grade was asked for of what does not look like a melanoma, too; None where the row does not tell."""
    if row.get("stage"):
        return True if row["decision"] == "benign" else None
    return False if row.get("withheld") and row["decision"] != "abstained" else None


def _sha256_of(file: Path) -> str | None:
    """None where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None
