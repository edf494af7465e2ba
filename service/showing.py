"""What the command line shows of images: rows, bundles or reports on standard output, and beside them a bar."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from service.asking import Reply
from service.naming import on_one_line, told_as
from service.results import Line, columns_of, row_of, table

_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Output:
    """Standard output in the format that was asked for, and a progress bar beside it, where somebody looks."""

    def __init__(self, options: argparse.Namespace, count: int) -> None:
        """Shows nothing yet.

        Args:
            options: Of `classify` or `grade`.
            count: How many images there are.
        """
        self._options, self._rows, self._reports = options, list[dict[str, Any]](), 0
        self._line = Line(columns_of(options.command))
        self._bar = tqdm(total=count, unit="img", desc=options.command, disable=None if count > 1 else True)

    def __enter__(self) -> Output:
        if self._options.format == "csv" and self._options.out is None:
            _print(self._line.header(), end="")
        return self

    def __exit__(self, *failed: object) -> None:
        self._bar.close()
        if self._options.format == "table" and self._options.out is None and self._rows:
            _print(table(self._rows, self._options.command))

    def show(self, file: Path, reply: Reply) -> dict[str, Any]:
        """Shows one reply, and gives its row; a bundle and a report have none.

        Raises:
            OSError: A report cannot be written; then nothing is left of it.
        """
        self._bar.update(1)
        if reply.report is not None:
            _print(str(self._kept(file, reply.report)))
            return {}
        if self._options.format == "fhir" and reply.answer is not None:
            _print(json.dumps(reply.answer))
            return {}
        row = row_of(named(file, self._options.frame), reply)
        if self._options.format in ("fhir", "dicom"):
            say(f"{file}: {row['problem']}: {row['detail']}")
        elif self._options.out is None:
            self._show(row, reply)
        return row

    def _show(self, row: dict[str, Any], reply: Reply) -> None:
        if self._options.format == "json":
            _print(json.dumps({"file": row["file"]} | (reply.answer or {"problem": reply.problem})))
        elif self._options.format == "csv":
            _print(self._line.csv(row), end="")
        else:
            self._rows.append(row)

    def _kept(self, file: Path, report: bytes) -> Path:
        """Writes a report beside those that are there; numbered, because archives give many files the same name."""
        while True:
            self._reports += 1
            path: Path = self._options.out / f"{self._reports:04}-{file.name}.sr.dcm"
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                continue
            partial = path.with_name(f".{path.name}.partial")
            with told_as(path):
                try:
                    partial.write_bytes(report)
                    return partial.replace(path)
                except BaseException:
                    partial.unlink(missing_ok=True)
                    path.unlink()
                    raise


def named(file: Path, frame: int | None) -> str:
    """What a row calls a file: two frames of it are two pictures, and neither must pass for the other.

    A spreadsheet takes for a formula what begins like one; behind ./ it is the same file, and a text.
    """
    name = f"./{file}" if str(file).startswith(_LIKE_A_FORMULA) else str(file)
    return name if frame is None else f"{name}#frame={frame}"


def say(text: str) -> None:
    """Tells a person, on standard error and above a bar that may be there."""
    tqdm.write(on_one_line(f"melanoserve: {text}"), file=sys.stderr)


def _print(text: str, end: str = "\n") -> None:
    tqdm.write(text, file=sys.stdout, end=end)
