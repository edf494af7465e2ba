"""What a command of the benchmarks found: tables, bars that it meets or misses, and the figures behind them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

Row = Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table for people.

    Attributes:
        title: What it shows.
        header: Of its columns; the first is that of the rows' names.
        rows: Cells.
    """

    title: str
    header: Row
    rows: Sequence[Row]

    def markdown(self) -> str:
        """As GitHub shows it, and aligned for a terminal."""
        cells = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        rule = "|".join("-" * (width + 2) for width in widths)
        return "\n".join([f"{self.title}\n", f"| {lines[0]} |", f"|{rule}|", *(f"| {line} |" for line in lines[1:])])


@dataclass(frozen=True)
class Bar:
    """Something that must be reached.

    Attributes:
        what: In words.
        value: What was measured.
        limit: What it must be.
        unit: Of both.
        at_most: Whether the limit is the most; else it is the least.
    """

    what: str
    value: float
    limit: float
    unit: str = ""
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether it is reached; never by NaN."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def row(self) -> Row:
        """Cells of a table."""
        sign = "at most" if self.at_most else "at least"
        unit = f" {self.unit}" if self.unit else ""
        return (
            self.what,
            f"{self.value:.4g}{unit}",
            f"{sign} {self.limit:g}{unit}",
            "met" if self.met else "**missed**",
        )


def describe_machine() -> dict[str, str]:
    """What a figure depends on that is not in the code."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**20:.0f} GiB",
        "python": platform.python_version(),
        "openvino": version("openvino"),
    }


@dataclass(frozen=True)
class Result:
    """Everything that one command found.

    Attributes:
        command: Its name.
        title: For people.
        text: How it was measured.
        tables: What was measured.
        bars: What had to be reached.
        figures: The same for programs.
        machine: On what, and when.
    """

    command: str
    title: str
    text: str
    tables: Sequence[Table]
    bars: Sequence[Bar]
    figures: Mapping[str, Any]
    machine: Mapping[str, str] = field(default_factory=describe_machine)

    @property
    def met(self) -> bool:
        """Whether every bar is reached."""
        return all(bar.met for bar in self.bars)

    def markdown(self) -> str:
        """Text, tables and bars."""
        bars = Table("Bars:", ("", "measured", "must be", ""), [bar.row() for bar in self.bars])
        return "\n\n".join([self.text, *(table.markdown() for table in [*self.tables, bars])])

    def save(self, folder: Path) -> None:
        """Writes COMMAND.json."""
        text = json.dumps(asdict(self), indent=2)
        (folder / f"{self.command}.json").write_text(text + "\n", "utf-8")

    @classmethod
    def load(cls, file: Path) -> Result:
        """Reads what `save` wrote."""
        values = json.loads(file.read_text("utf-8"))
        tables = [Table(**table) for table in values.pop("tables")]
        bars = [Bar(**bar) for bar in values.pop("bars")]
        return cls(**values, tables=tables, bars=bars)


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
