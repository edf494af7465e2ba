"""What the command line writes of images: one row for each, to look at or to go on from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.asking import Reply

Row = dict[str, Any]

_NAMES = "surrogateescape"
"""How names of files that are no UTF-8 are written and read: as the bytes that they are."""

CLASSIFY_COLUMNS = (
    "file", "decision", "probability", "melanoma", "other_malignant", "benign", "suspected", "operating_point",
    "threshold", "model", "version", "model_sha256", "image_sha256", "issues", "problem", "detail",
)  # fmt: skip
GRADE_COLUMNS = (*CLASSIFY_COLUMNS[:7], "stage", "stage_1", "stage_2", "stage_3", "withheld", *CLASSIFY_COLUMNS[7:])
"""`model` to `model_sha256` are the grader's."""

IDENTITY = ("model", "version", "model_sha256", "operating_point")
"""What all rows of one file have in common: an answer of another version is not comparable."""


class MixedResults(Exception):
    """The file holds answers to another question, or of another version."""


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
        row |= {"stage": grade["stage"]} | {f"stage_{name}": value for name, value in grade["probabilities"].items()}
    return row | {"withheld": answer["grade_withheld"]} if "grade_withheld" in answer else row


def table(rows: Iterable[Row], task: str) -> str:
    """Rows for a person: what was decided, not where from."""
    rows = list(rows)
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
    return f"{value:.3f}" if isinstance(value, float) else str(value) or "-"


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
        csv.writer(text, lineterminator="\n").writerow(values)
        return text.getvalue()

    def json(self, row: Mapping[str, Any]) -> str:
        """A line of JSON."""
        return json.dumps({name: row.get(name) for name in self.columns}) + "\n"


class Results:
    """A file of rows, CSV or JSON lines by its name, that is complete after every row and can be gone on from.

    Use it as a context manager.
    """

    def __init__(self, path: Path, task: str) -> None:
        """Reads what is there.

        Args:
            path: Ends in .csv, .jsonl or .json; JSON is one object a line.
            task: "classify" or "grade".

        Raises:
            MixedResults: It holds something else.
            OSError: It cannot be read.
        """
        self.path, self.columns, self._json = path, columns_of(task), path.suffix != ".csv"
        self._lines = Line(self.columns)
        self._line = self._lines.json if self._json else self._lines.csv
        self.done: set[str] = set()
        """Files that have an answer; what had a problem is tried again."""
        self._identity: tuple[str, ...] | None = None
        self._kept = self._read() if path.exists() else []
        for row in self._kept:
            self._check(row)
            self.done.add(row["file"])

    def __enter__(self) -> Results:
        # Anew, without problems that are tried again and without a last line that a kill cut off.
        partial = self.path.with_name(f".{self.path.name}.partial")
        with partial.open("w", encoding="utf-8", newline="", errors=_NAMES) as file:
            file.write("" if self._json else self._lines.header())
            file.writelines(map(self._line, self._kept))
        partial.replace(self.path)
        self._file = self.path.open("a", encoding="utf-8", newline="", errors=_NAMES)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        """Writes a row.

        Raises:
            MixedResults: It is the answer of another version, or at another operating point, than those before.
        """
        self._check(row)
        self._file.write(self._line(row))
        self._file.flush()

    def _check(self, row: Mapping[str, Any]) -> None:
        if not row.get("decision"):
            return
        identity = tuple(str(row.get(name)) for name in IDENTITY)
        if self._identity is None:
            self._identity = identity
        if identity != self._identity:
            here, there = (f"{one[0]}/{one[1]} at {one[3]}" for one in (identity, self._identity))
            raise MixedResults(f"{self.path} holds answers of {there}, and this one is of {here}: name another file")

    def _read(self) -> list[Row]:
        try:
            text = self.path.read_text("utf-8", _NAMES)
            whole = text[: text.rfind("\n") + 1]
            rows = self._rows(whole)
        except (ValueError, TypeError, RecursionError, csv.Error):
            rows = [{}]
        if any(tuple(row) != self.columns for row in rows):
            raise MixedResults(f"{self.path} holds something else: name another file")
        return [row for row in rows if row["decision"]]

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
