"""Every figure of a classifier that goes into its manifest, and that `evaluate` finds again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_store.manifest import Evaluation
from model_store.runtime import Runtime
from training.evaluation import Evaluated, by_people, measure, test_rows
from training.explanation import measure_explanation
from training.repeatability import measure_repeatability
from training.splits import Split
from training.table import Table
from training.vignette import measure_vignettes
from training.work import CONFOUNDED

PRIMARY = "ham10000"
"""The set on which operating points and repeatability are measured: held-out lesions of one source with all classes."""

VIGNETTED = "melanoma10000"
"""The set in which a vignette tells the classes."""

REPEATABILITY = "repeatability"
VIGNETTES = "vignettes"
EXPLANATION = "explanation"
POOLED = "training-sources-pooled"


def primary_of(tests: dict[str, Evaluated], table: Table, split: Split) -> str:
    """The set on which a version's operating points are measured.

    `PRIMARY` if it was learned from, else another that was: whoever learns from images of their own asks about such
    ones. Not one whose classes its sources tell apart, unless there is no other.
    """
    learned = [name for name in tests if split.rows("training", name, table)]
    fair = [name for name in learned if name != CONFOUNDED]
    return PRIMARY if PRIMARY in learned else next(iter([*fair, *learned, *tests]))


def pooled(sets: dict[str, Evaluated]) -> Evaluated:
    """Several sets as one; what only some of them record is left out.

    Args:
        sets: At least one by its source, whose lesions are numbered together.
    """
    names, parts = " and ".join(sets), list(sets.values())
    return Evaluated(
        f"held-out images of {names} together",
        np.concatenate([data.kinds for data in parts]),
        np.concatenate([data.probability for data in parts]),
        np.concatenate([data.logit for data in parts]),
        np.concatenate([data.lesions for data in parts]),
        np.concatenate([data.histology for data in parts]),
        np.concatenate([data.sites for data in parts]),
    )


def measure_all(  # noqa: PLR0913 - what a figure depends on
    runtime: Runtime,
    table: Table,
    split: Split,
    tests: dict[str, Evaluated],
    *,
    prevalence: float,
    thresholds: dict[str, float],
    seen: bool = False,
    plots: Path | None = None,
) -> dict[str, Evaluation]:
    """All figures: of all sets, of groups of people in them, of changed images, of vignettes, of the explanation.

    Args:
        runtime: The loaded artifact.
        table: The images.
        split: Their roles.
        tests: What `evaluation.test_sets` found.
        prevalence: For which the probabilities are calibrated.
        thresholds: Operating point -> threshold.
        seen: Whether some of the images may have been learned from.
        plots: Folder for the plots of what is measured here; None for none.
    """
    rows = test_rows(table, split)
    # Whole sources only: of one hospital's part of one, too little is left.
    sets = tests | by_people({source: tests[source] for source in rows})
    learned = {source: tests[source] for source in rows if split.rows("training", source, table)}
    if len(learned) > 1:
        sets[POOLED] = pooled(learned)
    found = {name: measure(data, prevalence, thresholds, seen=seen) for name, data in sets.items()}
    name = primary_of(tests, table, split)
    described = f"held-out images of {name}, changed a little"
    again = measure_repeatability(runtime, table, rows[name], thresholds, described)
    curve = None if plots is None else plots / "deletion.png"
    explained = measure_explanation(runtime, table, rows[name], f"held-out images of {name}", curve)
    name = VIGNETTED if VIGNETTED in rows else name
    framed = measure_vignettes(runtime, table, rows[name], f"held-out images of {name}")
    changed = {REPEATABILITY: again, VIGNETTES: framed}
    if explained is not None:
        changed[EXPLANATION] = explained
    return found | {key: value.model_copy(update={"seen_in_training": seen}) for key, value in changed.items()}
