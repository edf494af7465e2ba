"""What a classifier's release works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.splits import Split
from training.table import Table

CONFOUNDED = "melanoma10000"
"""Its halves come from different collections, so its validation images calibrate nothing; thresholds must find its
malignant ones, too, since that does not depend on the benign ones."""

PREVALENCE = 0.2
"""Of malignant lesions, for which a version is calibrated where nothing else is asked for."""

Recipe = dict[str, str | int | float | bool | list[str | int | float | bool | None] | None]
"""As the manifest records it."""


@dataclass(frozen=True)
class Work:
    """What a release works on: the data, where, and for which prevalence of malignancy (0 to 1).

    `seen` says that the version from which training went on may have learned from what is held out here;
    `photographs` is a folder of photographs of other things, from which the gate learns; `shares` says how much of an
    epoch each source is, where it is not the same of each.
    """

    table: Table
    split: Split
    folder: Path
    prevalence: float
    recipe: Recipe
    seen: bool = False
    photographs: Path | None = None
    shares: Mapping[str, float] = field(default_factory=dict)


def fair_sources(work: Work) -> tuple[str, ...]:
    """Sources whose validation images calibrate, and together choose thresholds."""
    sources = tuple(name for name, count in work.split.counts(work.table).items() if count["validation"])
    return tuple(name for name in sources if name != CONFOUNDED) or sources
