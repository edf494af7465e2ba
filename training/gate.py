"""The gate of a classifier that is released: what it learns from, its limits, and what they were measured to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from dermoscopy.prepare import SIDE
from dermoscopy.render import render_lesion
from model_store.gate import LEARNED
from model_store.manifest import Gate, Learned, Limit, Refusals
from model_store.runtime import Runtime
from training import limits as limiting
from training.augment import augment
from training.gatekeeper import BATCH, Gatekeeper, features_of, fit_gatekeeper
from training.splits import Split
from training.table import Table
from training.wrong import kinds as wrong_kinds
from training.wrong.kinds import Kind, Wrong, draw, kinds, originals_of, spared

RENDERED = 120
"""Rendered lesions among the good images: what the tests and the golden images show is no skin without a lesion."""
_FIRST_RENDERED = 10_000
"""Seeds from here on: others than those of golden images and samples."""
SHRUNK = 200
COVERED = 500
"""Training images that screenshots show and hair or rulers cover."""
SPARED = 4
"""Times `EACH`: pictures with some hair, and with a ruler at the edge, that are learned from as good ones."""

Pixels = NDArray[np.uint8]


def _batches(pixels: Pixels, rows: NDArray[np.int64], title: str) -> Iterator[Any]:
    for start in tqdm(range(0, len(rows), BATCH), desc=title, unit="batch"):
        yield np.asarray(pixels[rows[start : start + BATCH]], np.float32)


def good_features(backbone: keras.Model, pixels: Pixels, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features of training images as they are, float32[n, d]; see `gatekeeper.features_of`."""
    return features_of(backbone, _batches(pixels, rows, "features of good images"))


def learn_gate(
    backbone: keras.Model, pixels: Pixels, rows: NDArray[np.int64], known: NDArray[np.float32], photographs: Path | None
) -> dict[Learned, Gatekeeper]:
    """Learns what is dermoscopic, what is free of hair and what is free of a ruler.

    Args:
        backbone: Of the trained network.
        pixels: Of the table.
        rows: Training images.
        known: Their features.
        photographs: Folder of further photographs of other things; None for those of installed packages alone.
    """
    tf.random.set_seed(0)
    changed = (
        tf.round(augment(tf.cast(batch, tf.uint8), SIDE)) for batch in _batches(pixels, rows, "good images, changed")
    )
    lesions = np.stack([render_lesion(_FIRST_RENDERED + i, malignancy=i / (RENDERED - 1)) for i in range(RENDERED)])
    everything = np.arange(RENDERED)
    good = [known, features_of(backbone, changed), features_of(backbone, _batches(lesions, everything, "rendered"))]
    covered = np.asarray(pixels[rows[:: max(1, len(rows) // COVERED)]])
    wrong: dict[Learned, list[NDArray[np.float32]]] = {output: [] for output in LEARNED}
    for name, kind in kinds(covered, photographs).items():
        if kind.learned:
            wrong[kind.output].append(_drawn_features(backbone, name, kind.make, wrong_kinds.EACH * kind.weight))
    plain = np.concatenate(good)
    alike = [_drawn_features(backbone, n, make, wrong_kinds.EACH * SPARED) for n, make in spared(covered).items()]
    passed = {output: plain if output == "dermoscopic" else np.concatenate([plain, *alike]) for output in LEARNED}
    return {output: fit_gatekeeper(passed[output], np.concatenate(wrong[output])) for output in LEARNED}


def _drawn_features(backbone: keras.Model, name: str, make: Kind, count: int) -> NDArray[np.float32]:
    drawn = draw(name, make, count)
    return features_of(backbone, _batches(drawn, np.arange(count), f"features of {name}"))


def measure_gate(runtime: Runtime, table: Table, split: Split, threshold: float, photographs: Path | None) -> Gate:
    """Chooses limits on all validation images and measures them on held-out ones and on wrong ones.

    Args:
        runtime: The exported artifact.
        table: The images.
        split: Their roles.
        threshold: Of the default operating point.
        photographs: As for `learn_gate`.
    """
    rows = [row for row, role in enumerate(split.roles) if role == "validation"]
    chosen = limiting.choose_limits(
        limiting.measure_rows(runtime, table, rows, "validation images"),
        least_side_at(runtime, table, split, threshold),
    )
    shown = _spread([row for found in limiting.held_out(table, split).values() for row in found], limiting.SWEPT)
    pixels, lesions = np.ascontiguousarray(table.pixels[shown]), table.lesions[shown].tolist()
    return Gate(
        limits=chosen,
        chosen_on=f"{len(rows)} validation images of all sources that are learned from",
        good=limiting.measure_good(runtime, table, split, chosen) | _measure_spared(runtime, chosen, pixels, lesions),
        wrong=_measure_wrong(runtime, chosen, kinds(pixels, photographs, lesions)),
        sweeps={name: limiting.sweep(runtime, chosen, pixels, name) for name in limiting.SWEEPS},
    )


def least_side_at(runtime: Runtime, table: Table, split: Split, threshold: float) -> int:
    """`limits.least_side` of validation images: the shortest side that may be answered at a threshold, in pixels."""
    rows = [row for row, role in enumerate(split.roles) if role == "validation"]
    some = np.ascontiguousarray(table.pixels[_spread(rows, SHRUNK)])
    return limiting.least_side(runtime, some, threshold)


def _measure_wrong(runtime: Runtime, limits: list[Limit], every: dict[str, Wrong]) -> dict[str, Refusals]:
    measured = {}
    for name, kind in every.items():
        count = wrong_kinds.MEASURED_EACH
        first = wrong_kinds.EACH * kind.weight
        pixels = draw(name, kind.make, count, first=first)
        found = limiting.measure_images(runtime, pixels, [SIDE] * count, name)
        origin = originals_of(name, kind.originals, count, first)
        measured[name] = limiting.refusals(limits, found, origin, _described(name, kind, origin), learned=kind.learned)
    return measured


def _described(name: str, kind: Wrong, origin: NDArray[np.int64]) -> str:
    """What was measured of a kind; parts of a photograph that is learned from are no other photograph."""
    from_how_many = f", from {len(np.unique(origin))} {kind.shown}" if kind.originals else ""
    if not kind.learned:
        return f"{name}: a kind never learned from{from_how_many}"
    others = "other parts of what was learned from" if name == "photographs" else "others than were learned from"
    return f"{name}: {others}{from_how_many}"


def _measure_spared(
    runtime: Runtime, limits: list[Limit], pixels: Pixels, lesions: Sequence[int]
) -> dict[str, Refusals]:
    measured = {}
    count = wrong_kinds.MEASURED_EACH
    for name, make in spared(pixels).items():
        drawn = draw(name, make, count, first=wrong_kinds.EACH * SPARED)
        found = limiting.measure_images(runtime, drawn, [SIDE] * count, name)
        origin = originals_of(name, lesions, count, wrong_kinds.EACH * SPARED)
        measured[name] = limiting.refusals(limits, found, origin, f"{name}: painted over held-out images")
    return measured


def _spread(rows: list[int], count: int) -> list[int]:
    """At most so many of the rows, the same each time."""
    return sorted(np.random.default_rng(2).permutation(rows)[: max(count, 1)].tolist())
