"""What the literature does to a picture before a network sees it, measured before it is believed.

Colour constancy, hair removal, cutting to the lesion, and the mean over mirrored views. A version never saw such
pictures, so this tells whether an option helps the model that there is; whether it helps one that is trained with it,
`python -m training outside --option NAME` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from tqdm import tqdm

from dermoscopy.constancy import shades_of_grey
from dermoscopy.hair import remove_hair
from dermoscopy.lesion import crop_to_lesion
from model_store.manifest import Measured
from model_store.runtime import Runtime
from training.evaluation import kind_of
from training.metrics import auc, bootstrap
from training.scoring import score
from training.table import Table

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

OPTIONS: dict[str, Callable[[Pixels], Pixels]] = {
    "colour-constancy": shades_of_grey,
    "hair-removal": remove_hair,
    "lesion-crop": crop_to_lesion,
}
"""Each takes and gives uint8[224, 224, 3]."""

VIEWS = "mirrored-views"
"""Four passes instead of one: the mean logit of the picture, its two mirror images and its half turn."""
_MIRRORED = ((), (1,), (2,), (1, 2))
"""The axes of uint8[n, 224, 224, 3] that each view turns round."""


class Option(BaseModel):
    """What an option does to a version on one set.

    Attributes:
        name: Of the option.
        source: The set.
        images: How many held-out images it has.
        without: AUC of malignant against benign without it.
        with_it: The same with it.
        gain: The difference, over the same images.
    """

    name: str
    source: str
    images: int
    without: Measured
    with_it: Measured
    gain: Measured


def changed(pixels: Pixels, option: str) -> Pixels:
    """Pictures as an option gives them.

    Args:
        pixels: uint8[n, 224, 224, 3].
        option: A key of `OPTIONS`.
    """
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(OPTIONS[option], pixels)
        return np.stack(list(tqdm(made, total=len(pixels), desc=option, unit="img")))


def measure_options(runtime: Runtime, table: Table, rows: list[int], source: str) -> list[Option]:
    """Asks a version about the same images without and with each option.

    Args:
        runtime: The loaded artifact.
        table: The images.
        rows: Held-out ones, benign and malignant.
        source: What they are called.
    """
    pixels, lesions = np.ascontiguousarray(table.pixels[rows]), table.lesions[rows]
    malignant = np.array([kind_of(table.images[row].label) != "benign" for row in rows])
    before = _logit(runtime, pixels, source)
    found = {option: _logit(runtime, changed(pixels, option), f"{source}: {option}") for option in OPTIONS}
    views = (np.ascontiguousarray(np.flip(pixels, axes)) for axes in _MIRRORED)
    found[VIEWS] = np.mean([_logit(runtime, view, f"{source}: {VIEWS}") for view in views], axis=0)

    def measured(score: Callable[[NDArray[np.int64]], float]) -> Measured:
        return bootstrap(score, lesions)

    def area(values: Floats) -> Callable[[NDArray[np.int64]], float]:
        return lambda drawn: auc(malignant[drawn], values[drawn])

    def gain(values: Floats) -> Callable[[NDArray[np.int64]], float]:
        return lambda drawn: auc(malignant[drawn], values[drawn]) - auc(malignant[drawn], before[drawn])

    without = measured(area(before))
    return [
        Option(
            name=name,
            source=source,
            images=len(rows),
            without=without,
            with_it=measured(area(values)),
            gain=measured(gain(values)),
        )
        for name, values in found.items()
    ]


def text_of(options: list[Option]) -> str:
    """A table: one row for each option and set."""
    lines = ["|option|held-out images of|images|AUC without|AUC with it|gain|", "|---|---|---|---|---|---|"]
    for one in options:
        gain = f"{one.gain.value:+.3f} ({one.gain.low:+.3f} to {one.gain.high:+.3f})"
        lines.append(f"|{one.name}|{one.source}|{one.images}|{one.without.value:.3f}|{one.with_it.value:.3f}|{gain}|")
    return "\n".join(lines)


def _logit(runtime: Runtime, pixels: Pixels, title: str) -> Floats:
    return score(runtime, pixels, list(range(len(pixels))), title)["logit"].astype(np.float64)
