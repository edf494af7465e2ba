"""Writes what an accelerator's machine needs into one folder: images, labels, roles, weights, and what is to be done.

`pack.npz` holds the arrays, `images-K.bin` the prepared pictures one after the other as WebP files, in parts that even
a narrow way takes; their loss is smaller than what the front leaves out. `pack.json`, written last, says what is there
and has the digest of each file: a picture that was damaged on the way may still be one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from training.accelerator.recipe import Recipe
from training.accelerator.unpack import ARRAYS, FORMAT, INDEX, digest_of
from training.evaluation import kind_of
from training.labels import BENIGN, DIAGNOSES, as_mask
from training.sampling import buckets, chances
from training.splits import Split
from training.table import Table

QUALITY = 90
PART = 40_000_000
"""Bytes of a part at most."""


@dataclass(frozen=True)
class Task:
    """One network to be learned.

    Attributes:
        name: Of its file.
        split: The roles of the table's images.
        sources: Share of each source in what is drawn.
        recipe: How.
        base: What it begins with, for its description.
    """

    name: str
    split: Split
    sources: dict[str, float]
    recipe: Recipe
    base: dict[str, str]


def pack(table: Table, tasks: Sequence[Task], weights: Iterable[Any], folder: Path) -> int:
    """Writes a pack.

    Args:
        table: The images; only those that a task learns from or validates on are packed.
        tasks: What is to be learned.
        weights: Of the network that all begin with, in Keras's order.
        folder: Where to; made where it is not there.

    Returns:
        How many images were packed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    used = [np.isin(task.split.roles, ("training", "validation")) for task in tasks]
    rows = np.flatnonzero(np.any(used, axis=0))
    ends, files = _write_pictures(table, rows, folder)
    arrays: dict[str, NDArray[Any]] = {
        "ends": ends,
        "masks": as_mask([table.labels[row] for row in rows.tolist()]),
        "benign": np.array([diagnosis in BENIGN for diagnosis in DIAGNOSES]),
    }
    arrays |= {f"weight-{number}": np.asarray(values) for number, values in enumerate(weights)}
    described = {}
    for task in tasks:
        chance = np.zeros(len(table.images))
        for row, value in chances(buckets(table, task.split, tuple(task.sources)), task.sources).items():
            chance[row] = value
        watched = np.flatnonzero(np.array(task.split.roles)[rows] == "validation")
        kinds = [kind_of(table.labels[row]) for row in rows[watched].tolist()]
        arrays[f"{task.name}-chance"] = chance[rows]
        arrays[f"{task.name}-validation"] = watched
        arrays[f"{task.name}-malignant"] = np.array([kind != "benign" for kind in kinds])
        described[task.name] = {
            **task.base,
            "sources": [f"{name}:{share}" for name, share in task.sources.items()],
            "recipe": task.recipe.describe(),
            "split": task.split.digest(table),
            "dataset": task.split.contents(table),
        }
    np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]  # its stubs take the names for options
    digests = {name: digest_of(folder / name) for name in (ARRAYS, *files)}
    text = json.dumps({"format": FORMAT, "parts": files, "digests": digests, "jobs": described}, indent=2)
    (folder / INDEX).write_text(text + "\n", "utf-8")
    return len(rows)


def _write_pictures(table: Table, rows: NDArray[np.int64], folder: Path) -> tuple[NDArray[np.int64], list[str]]:
    """Where each picture ends, and the names of the parts that they are in."""

    def encoded(row: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(table.pixels[row]).save(file, "WEBP", quality=QUALITY)
        return file.getvalue()

    with ThreadPoolExecutor() as pool:
        files = list(tqdm(pool.map(encoded, rows.tolist()), total=len(rows), desc="packing", unit="img"))
    stored = b"".join(files)
    parts = {f"images-{part}.bin": start for part, start in enumerate(range(0, len(stored), PART))}
    for name, start in parts.items():
        (folder / name).write_bytes(stored[start : start + PART])
    return np.cumsum([len(file) for file in files]), list(parts)
