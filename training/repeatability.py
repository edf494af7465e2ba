"""Repeatability: how many decisions flip when the same lesion is photographed again a little differently.

A second photograph is not there, so the picture is changed as little as a hand would: turned, moved closer, lit a
little more or less, mirrored. What decides differently on these is no decision about the lesion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from dermoscopy.prepare import SIDE
from model_store.manifest import Evaluation
from model_store.runtime import Runtime
from training.evaluation import kind_of
from training.metrics import Share, bootstrap
from training.scoring import score
from training.table import Table

DEGREES = 8.0
CLOSER = 0.94
"""Share of the side that is still seen."""
LIGHT = 0.07

MOST_IMAGES = 400

Pixels = NDArray[np.uint8]


def _turned(image: Image.Image) -> Image.Image:
    # The corners that turn in are filled with what is next to them: black ones would be a vignette.
    wide = Image.fromarray(np.pad(np.asarray(image), ((SIDE // 4,) * 2, (SIDE // 4,) * 2, (0, 0)), mode="reflect"))
    turned = wide.rotate(DEGREES, Image.Resampling.BICUBIC)
    low = SIDE // 4
    return turned.crop((low, low, low + SIDE, low + SIDE))


def _closer(image: Image.Image) -> Image.Image:
    edge = SIDE * (1 - CLOSER) / 2
    return image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (edge, edge, SIDE - edge, SIDE - edge))


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "turned": _turned,
    "closer": _closer,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1 + LIGHT),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(1 - LIGHT),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def measure_repeatability(
    runtime: Runtime, table: Table, rows: list[int], thresholds: dict[str, float], description: str
) -> Evaluation:
    """Shares of decisions that flip, at each operating point, and how far the probability moves.

    Args:
        runtime: The loaded artifact.
        table: The images.
        rows: Held-out ones; at most `MOST_IMAGES` of them are asked about.
        thresholds: Operating point -> threshold.
        description: Of the set.
    """
    random = np.random.default_rng(0)
    chosen = np.sort(random.permutation(np.array(rows))[:MOST_IMAGES]) if len(rows) > MOST_IMAGES else np.array(rows)
    pixels = np.ascontiguousarray(table.pixels[chosen])
    before = _probability(runtime, pixels, "repeatability")
    after = {name: _probability(runtime, changed(pixels, name), f"repeatability: {name}") for name in VARIANTS}
    lesions = table.lesions[chosen]
    moved = np.mean([np.abs(values - before) for values in after.values()], axis=0)
    metrics = {"mean_change_of_probability": bootstrap(_mean_of(moved), lesions)}
    for point, threshold in thresholds.items():
        flips = {name: (values >= threshold) != (before >= threshold) for name, values in after.items()}
        together = np.mean(list(flips.values()), axis=0)
        metrics[f"decisions_that_flip@{point}"] = bootstrap(_mean_of(together), lesions)
        for name, flipped in flips.items():
            metrics[f"decisions_that_flip_{name}@{point}"] = bootstrap(Share(flipped, np.ones_like(flipped)), lesions)
    return Evaluation(
        description=f"{description}: turned by {DEGREES:g} degrees, {1 - CLOSER:.0%} closer, {LIGHT:.0%} brighter and "
        "darker, mirrored",
        images=len(chosen),
        positives=sum(kind_of(table.images[row].label) != "benign" for row in chosen),
        groups=len(np.unique(lesions)),
        metrics=metrics,
        seen_in_training=False,
    )


def _mean_of(values: NDArray[Any]) -> Callable[[NDArray[np.int64]], float]:
    return lambda drawn: float(values[drawn].mean())


def changed(pixels: Pixels, variant: str) -> Pixels:
    """Images as one of `VARIANTS` shows them.

    Args:
        pixels: uint8[n, 224, 224, 3].
        variant: Its name.
    """
    change = VARIANTS[variant]
    return np.stack([np.asarray(change(Image.fromarray(picture))) for picture in pixels])


def _probability(runtime: Runtime, pixels: Pixels, title: str) -> NDArray[np.float64]:
    return score(runtime, pixels, list(range(len(pixels))), title)["probability"].astype(np.float64)
