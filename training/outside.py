"""Leave one source out: how far a recipe gets at a clinic that it never saw.

For each of the sources a network learns from the others and is asked about this one, every copy across sources removed:
from training, or, where a source is largely made of the others' images, from the test side (otherwise little would be
left to learn from). A model is chosen by this, never by a test split of a source that it learned from.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from model_store.manifest import Measured
from training.evaluation import kind_of
from training.fit import Recipe, Trainer
from training.metrics import auc, bootstrap
from training.monitor import Monitor, malignancy
from training.network import build_network
from training.runs import alone_in, remember
from training.splits import VALIDATION_SHARE, Split, draw
from training.table import Table

SOURCES = ("melanoma10000", "ham10000", "isic2017", "isic-acral")
MADE_OF_OTHERS = ("melanoma10000",)
"""Holds most melanomas of ham10000 and isic2017, so its copies leave the test side."""


class Outside(BaseModel):
    """What was reached on a source that was left out.

    Attributes:
        source: Which.
        images: How many of it were asked about.
        positives: How many of these are melanomas, or malignant where the source says no more.
        groups: Lesions, patients or pictures that they show.
        auc: Of melanoma against benign; other malignancies, where the source tells them apart, take no part.
    """

    source: str
    images: int
    positives: int
    groups: int
    auc: Measured


@dataclass(frozen=True)
class _Asked:
    rows: NDArray[np.int64]
    positive: NDArray[np.bool_]


def leave_out(table: Table, source: str, sources: tuple[str, ...] = SOURCES) -> Split:
    """The roles when a source is left out: it is `test`, the others train and validate.

    Args:
        table: The images.
        source: The one that is left out.
        sources: All that take part; images of others are removed and ask nothing of their copies.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(table.lesions.tolist()):
        members[group].append(row)
    roles = ["removed"] * len(table.images)
    for rows in members.values():
        inside = [row for row in rows if table.images[row].source in sources]
        tested = [row for row in inside if table.images[row].source == source]
        learned = [row for row in inside if table.images[row].source != source]
        if tested and learned:
            tested, learned = ([], learned) if source in MADE_OF_OTHERS else (tested, [])
        for row in tested:
            roles[row] = "test"
        role = "validation" if draw(table, rows) < VALIDATION_SHARE else "training"
        for row in learned:
            roles[row] = role
    return _usable(table, roles)


def measure_outside(network: keras.Model, table: Table, split: Split, source: str) -> Outside:
    """Asks a network about the images that were left out."""
    asked = _asked(table, split, source)
    score = malignancy(network, table, asked.rows)
    groups = table.lesions[asked.rows]
    return Outside(
        source=source,
        images=len(asked.rows),
        positives=int(asked.positive.sum()),
        groups=len(np.unique(groups)),
        auc=bootstrap(lambda rows: auc(asked.positive[rows], score[rows]), groups),
    )


def run_outside(  # noqa: PLR0913 - what a run depends on
    recipe: Recipe, weights: str, table: Table, folder: Path, source: str, *, option: str = "none"
) -> Outside:
    """Trains without a source and asks about it; a run that was killed goes on, one that is done is not done again.

    Args:
        recipe: How; its sources are those that are learned from.
        weights: What the backbone starts from, see `network.build_network`.
        table: The images.
        folder: Of this source's run.
        source: The one that is left out.
        option: What was done to the pictures of the table, see `training.options`.

    Raises:
        OtherRun: The folder was begun with another recipe, other weights, another split, or images that had other
            labels or showed something else; or another process works in it.
    """
    split = leave_out(table, source, (source, *recipe.sources))
    started = {"weights": weights, "option": option, **recipe.describe()}
    with alone_in(folder):
        remember(folder, recipe=started, split={"digest": split.digest(table)}, dataset=split.contents(table))
        done = folder / "outside.json"
        if done.is_file():
            return Outside.model_validate_json(done.read_text("utf-8"))
        network = build_network(weights)
        trainer = Trainer(network, recipe, table, split, folder)
        trainer.fit(Monitor(network, table, split, folder / "history.jsonl", recipe.epochs))
        found = measure_outside(network, table, split, source)
        partial = done.with_suffix(".partial")
        partial.write_text(found.model_dump_json(indent=2), "utf-8")
        partial.rename(done)
        return found


def table_of(results: list[Outside]) -> str:
    """A table of what was reached, with the mean."""
    lines = ["|left out|images|melanomas|lesions|AUC, melanoma against benign|", "|---|---|---|---|---|"]
    for found in results:
        interval = f"{found.auc.value:.3f} ({found.auc.low:.3f} to {found.auc.high:.3f})"
        lines.append(f"|{found.source}|{found.images}|{found.positives}|{found.groups}|{interval}|")
    mean = np.mean([found.auc.value for found in results])
    return "\n".join([*lines, "", f"Mean of {len(results)}: {mean:.3f}"])


def _usable(table: Table, roles: list[str]) -> Split:
    """One of several copies in a source is enough to learn from; labels that contradict each other say nothing."""
    seen: set[tuple[str, int, str]] = set()
    for row, role in enumerate(roles):
        key = (table.images[row].source, int(table.copies[row]), role)
        if role != "removed" and (key in seen or not table.labels[row]):
            roles[row] = "removed"
        seen.add(key)
    return Split(roles)


def _asked(table: Table, split: Split, source: str) -> _Asked:
    rows, positive = [], []
    for row in split.rows("test", source, table):
        # By the source's own label: that of a copy in another source is nothing that this clinic knows.
        kind = kind_of(table.images[row].label)
        if kind != "other_malignant":
            rows.append(row)
            positive.append(kind != "benign")
    return _Asked(np.array(rows, np.int64), np.array(positive))
