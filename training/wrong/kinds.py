"""Every kind of wrong picture by name: those that the gate learns from, and others that it is only measured on.

And what looks a little like two of them but is to be answered: pictures with some hair, or with a ruler at the edge.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_store.manifest import Learned
from training.wrong import documents, hairs, patterns, photographs, rulers, skins
from training.wrong.patterns import Pixels, Random

Kind = Callable[[Random], Pixels]

EACH = 120
"""Pictures of each kind that are learned from; of photographs, which are the most varied, four times as many."""
MEASURED_EACH = 100
_PHOTOGRAPHS = 4
_COVERED = 3
"""Times `EACH`, of pictures under hair or a ruler."""
MOSTLY, HARDLY = (0.35, 0.8), (0.02, 0.12)
"""Shares of a picture under hair: what is to be refused, and what is not; in between either is right."""


@dataclass(frozen=True)
class Wrong:
    """A kind: how it is made, whether it is learned from, how many times `EACH`, and by which output.

    `originals` has a number for each picture that one is made from, which the first number drawn chooses: what shows
    the same has the same. It is empty where there is none. `shown` is what they are numbered by.
    """

    make: Kind
    learned: bool
    weight: int = 1
    output: Learned = "dermoscopic"
    originals: tuple[int, ...] = ()
    shown: str = "pictures"


def kinds(
    good: Sequence[Pixels] | NDArray[np.uint8], folder: Path | None = None, lesions: Sequence[int] | None = None
) -> dict[str, Wrong]:
    """All kinds by name.

    Args:
        good: Dermoscopic images that screenshots show and hair or rulers cover, uint8[n, 224, 224, 3].
        folder: Further photographs to learn from; they need no licence to be published, as no pixel of them is.
        lesions: n numbers, the same for images of one lesion; None where each shows another.
    """
    numbers = tuple(range(len(good)) if lesions is None else lesions)

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
    covered = partial(Wrong, originals=numbers, shown="lesions")
    found = {name: covered(make, True) if make is inset else Wrong(make, True) for name, make in made.items()}
    found |= {name: Wrong(make, False) for name, make in unseen.items()}
    learned = photographs.files_of(photographs.LEARNED) + (photographs.images_in(folder) if folder else [])
    for name, files, use in (
        ("photographs", learned, True),
        ("unseen-photographs", photographs.files_of(photographs.MEASURED), False),
    ):
        if files:
            parts, weight = tuple(range(len(files))), _PHOTOGRAPHS if use else 1
            found[name] = Wrong(partial(_one_of, files), use, weight, originals=parts)
    return found | {
        "mostly-hair": covered(_over(good, hairs.strands, MOSTLY), True, _COVERED, "free_of_hair"),
        "mostly-fur": covered(_over(good, hairs.fur, MOSTLY), False, output="free_of_hair"),
        "ruler": covered(_over(good, rulers.across), True, _COVERED, "free_of_ruler"),
        "block-scale": covered(_over(good, rulers.blocks), True, output="free_of_ruler"),
        "tape": covered(_over(good, rulers.tape), False, output="free_of_ruler"),
        # By a rule of every gate, not by an output; `wrong_colours`.
        "exchanged-red-and-blue": covered(_over(good, lambda _, picture: picture[..., ::-1]), False),
    }


def spared(good: Sequence[Pixels] | NDArray[np.uint8]) -> dict[str, Kind]:
    """What must be let pass, as good images are, although it looks a little like a wrong kind: kinds by name.

    Args:
        good: Dermoscopic images, uint8[n, 224, 224, 3].
    """
    return {"some-hair": _over(good, hairs.strands, HARDLY), "ruler-at-edge": _over(good, rulers.at_edge)}


def _over(
    good: Sequence[Pixels] | NDArray[np.uint8], cover: Callable[..., Pixels], shares: tuple[float, float] | None = None
) -> Kind:
    """A kind that lays something over one of the good images, and over a share of it that is drawn too."""

    def make(random: Random) -> Pixels:
        picture = np.asarray(good[int(random.integers(len(good)))])
        return cover(random, picture, *([] if shares is None else [random.uniform(*shares)]))

    return make


def _one_of(files: list[Path], random: Random) -> Pixels:
    return photographs.views(random, files[int(random.integers(len(files)))])


def originals_of(name: str, originals: Sequence[int], count: int, first: int = 0) -> NDArray[np.int64]:
    """From which original each picture is that `draw` makes: int64[count]; pictures from one are not independent.

    Args:
        name: Of the kind.
        originals: Their numbers, see `Wrong`; without any, each picture is one of its own.
        count: How many pictures.
        first: Number of the first of them.
    """
    if not originals:
        return np.arange(count)
    drawn = (int(_random(name, number).integers(len(originals))) for number in range(first, first + count))
    return np.array([originals[place] for place in drawn], np.int64)


def _random(name: str, number: int) -> Random:
    return np.random.default_rng([zlib.crc32(name.encode()), number])


def draw(name: str, make: Kind, count: int, first: int = 0) -> Pixels:
    """Pictures of a kind, uint8[count, 224, 224, 3]: the same name and numbers give the same pictures.

    Args:
        name: Of the kind.
        make: Makes them.
        count: How many.
        first: Number of the first of them.
    """
    numbers = tqdm(range(first, first + count), desc=f"drawing {name}", unit="img")
    return np.stack([make(_random(name, number)) for number in numbers])
