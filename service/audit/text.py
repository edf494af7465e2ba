"""Rows of the trail as text."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping

from service.audit.entry import COLUMNS, Value

SHOWN = ("sequence", *COLUMNS, "hash")
"""What is shown of a row, in this order."""


def csv_lines(rows: Iterable[Mapping[str, Value]]) -> Iterator[str]:
    """A CSV with a header; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SHOWN)
    for row in rows:
        yield _taken(text)
        writer.writerow([row[name] for name in SHOWN])
    yield _taken(text)


def json_lines(rows: Iterable[Mapping[str, Value]]) -> Iterator[str]:
    """An object a line. What no row can hold, such as bytes or infinity, is shown as text: somebody wrote it there."""
    for row in rows:
        yield json.dumps({name: _shown(row[name]) for name in SHOWN}) + "\n"


def _shown(value: object) -> object:
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return repr(value)


def _taken(text: io.StringIO) -> str:
    line = text.getvalue()
    text.seek(0)
    text.truncate()
    return line
