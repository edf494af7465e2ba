"""How many files of each format came how far, as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz.judge import ACCEPTED, Verdict


@dataclass
class Row:
    """The cases of one format.

    Attributes:
        outcomes: How many had which outcome.
        decoded: How many got to the decoding of pixels, accepted or not.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    decoded: int = 0

    @property
    def cases(self) -> int:
        """How many there were."""
        return self.outcomes.total()

    @property
    def share(self) -> float:
        """Share of the cases that got to the decoding of pixels. A fuzz that ends in the headers proves nothing."""
        return self.decoded / max(self.cases, 1)


@dataclass
class Tally:
    """The cases of a run, by format."""

    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, form: str, verdict: Verdict) -> None:
        """Count one case."""
        row = self.rows.setdefault(form, Row())
        row.outcomes[verdict.outcome] += 1
        row.decoded += verdict.decoded

    @property
    def cases(self) -> int:
        """How many there were in all."""
        return sum(row.cases for row in self.rows.values())

    def table(self) -> str:
        """One line for each format, one column for each outcome that occurred."""
        outcomes = sorted({outcome for row in self.rows.values() for outcome in row.outcomes} - {ACCEPTED})
        lines = [["format", "cases", "to the pixels", ACCEPTED, *outcomes]]
        for form, row in self.rows.items():
            counts = [str(row.outcomes[outcome]) for outcome in (ACCEPTED, *outcomes)]
            lines.append([form, str(row.cases), f"{row.share:.0%}", *counts])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in cells)
            for cells in (list(enumerate(zip(line, widths, strict=True))) for line in lines)
        )
