"""Every figure of a classifier that goes into its manifest, and that `evaluate` finds again."""

from __future__ import annotations

from model_store.manifest import Evaluation
from model_store.runtime import Runtime
from training.evaluation import Evaluated, by_people, measure, test_rows
from training.repeatability import measure_repeatability
from training.splits import Split
from training.table import Table

PRIMARY = "ham10000"
"""The set on which operating points and repeatability are measured: held-out lesions of one source with all classes."""

REPEATABILITY = "repeatability"


def primary_of(tests: dict[str, Evaluated]) -> str:
    """`PRIMARY` if it is among the sets, else the first of them."""
    return PRIMARY if PRIMARY in tests else next(iter(tests))


def measure_all(  # noqa: PLR0913 - what a figure depends on
    runtime: Runtime,
    table: Table,
    split: Split,
    tests: dict[str, Evaluated],
    *,
    prevalence: float,
    thresholds: dict[str, float],
    seen: bool = False,
) -> dict[str, Evaluation]:
    """All figures of all sets and of the groups of people in them, and how many decisions flip on changed images.

    Args:
        runtime: The loaded artifact.
        table: The images.
        split: Their roles.
        tests: What `evaluation.test_sets` found.
        prevalence: For which the probabilities are calibrated.
        thresholds: Operating point -> threshold.
        seen: Whether some of the images may have been learned from.
    """
    rows, name = test_rows(table, split), primary_of(tests)
    # Whole sources only: of one hospital's part of one, too little is left.
    sets = tests | by_people({source: tests[source] for source in rows})
    found = {name: measure(data, prevalence, thresholds, seen=seen) for name, data in sets.items()}
    described = f"held-out images of {name}, changed a little"
    again = measure_repeatability(runtime, table, rows[name], thresholds, described)
    return found | {REPEATABILITY: again.model_copy(update={"seen_in_training": seen})}
