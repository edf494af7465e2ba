"""Every kind of wrong picture by name: those that the gate learns from, and others that it is only measured on."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.wrong import documents, patterns, photographs, skins
from training.wrong.patterns import Pixels, Random

Kind = Callable[[Random], Pixels]

EACH = 120
"""Pictures of each kind that are learned from; of photographs, which are the most varied, four times as many."""
MEASURED_EACH = 100
_PHOTOGRAPHS = 4


@dataclass(frozen=True)
class Wrong:
    """A kind: how it is made, and whether it is learned from."""

    make: Kind
    learned: bool
    weight: int = 1


def kinds(good: Sequence[Pixels] | NDArray[np.uint8], folder: Path | None = None) -> dict[str, Wrong]:
    """All kinds by name.

    Args:
        good: Dermoscopic images that screenshots show, uint8[n, 224, 224, 3].
        folder: Further photographs to learn from; they need no licence to be published, as no pixel of them is.
    """

    def inset(random: Random) -> Pixels:
        return documents.screens(random, np.asarray(good[int(random.integers(len(good)))]))

    made: dict[str, Kind] = {
        "flat": patterns.flat, "noise": patterns.noise, "clouds": patterns.clouds, "gradients": patterns.gradients,
        "stripes": patterns.stripes, "shapes": patterns.shapes, "pages": documents.pages,
        "screenshots": documents.screens, "charts": documents.charts, "screenshots-of-lesions": inset,
        "skin-without-lesion": skins.skin, "plain-skin": skins.plain_skin,
    }  # fmt: skip
    unseen: dict[str, Kind] = {
        "cells": patterns.cells, "speckles": patterns.speckles, "handwriting": documents.handwriting,
    }  # fmt: skip
    found = {name: Wrong(make, True) for name, make in made.items()}
    found |= {name: Wrong(make, False) for name, make in unseen.items()}
    learned = photographs.files_of(photographs.LEARNED) + (photographs.images_in(folder) if folder else [])
    for name, files, use in (
        ("photographs", learned, True),
        ("unseen-photographs", photographs.files_of(photographs.MEASURED), False),
    ):
        if files:
            found[name] = Wrong(partial(_one_of, files), use, _PHOTOGRAPHS if use else 1)
    return found


def _one_of(files: list[Path], random: Random) -> Pixels:
    return photographs.views(random, files[int(random.integers(len(files)))])


def draw(name: str, kind: Wrong, count: int, first: int = 0) -> Pixels:
    """Pictures of a kind, uint8[count, 224, 224, 3]: the same name and numbers give the same pictures.

    Args:
        name: Of the kind.
        kind: Makes them.
        count: How many.
        first: Number of the first of them.
    """
    numbers = tqdm(range(first, first + count), desc=f"wrong: {name}", unit="img")
    return np.stack([kind.make(np.random.default_rng([zlib.crc32(name.encode()), number])) for number in numbers])
