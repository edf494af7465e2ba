"""A gate's limits, chosen on validation images so that few of them are refused, and what the limits do.

Most limits lie beyond what nearly all validation images have, by a margin: a clinic with darker or paler pictures than
any of the sources must not be turned away for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, fields, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter
from tqdm import tqdm

from dermoscopy.prepare import SIDE, resize
from dermoscopy.quality import Measures, measure_pixels
from dermoscopy.synthesis import scene, surroundings
from model_store.gate import LEARNED, crossing
from model_store.manifest import Learned, Limit, Measure, Measured, Refusals, Sweep
from model_store.runtime import Runtime
from training.labels import MALIGNANT
from training.metrics import Share, bootstrap
from training.scoring import score
from training.splits import Split
from training.table import Table
from training.wrong.rulers import at_edge

Pixels = NDArray[np.uint8]
Found = dict[Measure, NDArray[np.float64]]

SWEPT = 200
"""Good images that are blurred, darkened and so on."""
SIDES = (48, 64, 96, 128)
MOST_FLIPS = 0.05
"""Share of decisions that may change when an image is reduced to the least side that is accepted."""
CAUGHT = 0.95
LESS_LIKELY = 3.0
"""Times lower than nearly all validation images have them are the odds at which hair and rulers are refused: hardly any
good image then is. On classifier/4's features that left 94 % of painted hair and 97 % of painted rulers refused."""


def measure_images(runtime: Runtime, pixels: Pixels, sides: Sequence[int], title: str) -> Found:
    """Everything that a limit can be on: measure -> float64[n].

    Args:
        runtime: The loaded artifact.
        pixels: uint8[n, 224, 224, 3].
        sides: Pixels of the shorter side of each file.
        title: What the progress bar says.
    """
    pictures = zip(pixels, tqdm(sides, desc=f"quality: {title}", unit="img"), strict=True)
    rows = np.array([astuple(measure_pixels(picture, side)) for picture, side in pictures])
    found: Found = {field.name: rows[:, i] for i, field in enumerate(fields(Measures))}  # type: ignore[misc]
    outputs = score(runtime, pixels, list(range(len(pixels))), title)
    return found | {name: outputs[name].astype(np.float64) for name in LEARNED}


def measure_rows(runtime: Runtime, table: Table, rows: list[int], title: str) -> Found:
    """The same of rows of the table."""
    sides = []
    for row in rows:
        with Image.open(table.images[row].path) as image:
            sides.append(sorted(image.size))
    found = measure_images(runtime, np.ascontiguousarray(table.pixels[rows]), [shorter for shorter, _ in sides], title)
    return found | {"elongation": np.array([longer / shorter for shorter, longer in sides])}


def choose_limits(known: Found, least_side: int) -> list[Limit]:
    """Limits for what was measured of validation images.

    Args:
        known: See `measure_images`.
        least_side: Pixels of the shortest side that is accepted.
    """

    def at(measure: Measure, quantile: float) -> float:
        return float(np.quantile(known[measure], quantile))

    def unlikelier(measure: Learned) -> float:
        odds = at(measure, 0.002) / max(1 - at(measure, 0.002), 1e-9) / LESS_LIKELY
        return odds / (1 + odds)

    white, glare = at("whiteness", 0.999), at("glare", 0.998)
    chosen = [
        Limit(issue="not_dermoscopic", measure="dermoscopic", least=at("dermoscopic", 0.002)),
        Limit(issue="no_lesion", measure="contrast", least=0.9 * at("contrast", 0.001)),
        Limit(issue="blurred", measure="sharpness", least=at("sharpness", 0.002)),
        Limit(issue="too_dark", measure="light", least=0.8 * at("light", 0.001)),
        Limit(issue="too_bright", measure="whiteness", most=white + 0.25 * (255 - white)),
        Limit(issue="glare", measure="glare", most=min(0.9, 1.25 * glare + 0.05)),
        Limit(issue="hair", measure="free_of_hair", least=unlikelier("free_of_hair")),
        Limit(issue="ruler", measure="free_of_ruler", least=unlikelier("free_of_ruler")),
        Limit(issue="too_small", measure="side", least=float(least_side)),
    ]
    return [_rounded(limit) for limit in chosen]


def _rounded(limit: Limit) -> Limit:
    """To four decimals, to the side on which no image is refused that would not have been."""
    if limit.most is not None:
        return limit.model_copy(update={"most": float(np.ceil(limit.most * 1e4) / 1e4)})
    return limit.model_copy(update={"least": float(np.floor((limit.least or 0.0) * 1e4) / 1e4)})


def least_side(runtime: Runtime, pixels: Pixels, threshold: float) -> int:
    """The shortest side to which images can be reduced with at most `MOST_FLIPS` of their decisions changed."""
    before = score(runtime, pixels, list(range(len(pixels))), "whole")["probability"] >= threshold
    for side in SIDES:
        small = [Image.fromarray(p).resize((side, side), Image.Resampling.BOX) for p in pixels]
        after = score(runtime, np.stack([resize(image) for image in small]), list(range(len(pixels))), f"side {side}")
        if np.mean((after["probability"] >= threshold) != before) <= MOST_FLIPS:
            return side
    return SIDE  # where nothing is reduced


def refusals(
    limits: list[Limit], found: Found, lesions: NDArray[np.int64], description: str, *, learned: bool = False
) -> Refusals:
    """How many images have an issue.

    Args:
        limits: Of the gate.
        found: What was measured of them.
        lesions: int64[n], images with the same number show the same lesion.
        description: What they are.
        learned: Whether the gate learned from images of this kind.
    """
    having = crossing(limits, found)
    refused = np.logical_or.reduce(list(having.values()))
    return Refusals(
        description=description,
        images=len(refused),
        abstained=_share(refused, lesions),
        issues={issue: round(float(had.mean()), 4) for issue, had in having.items()},
        learned=learned,
    )


def _share(refused: NDArray[np.bool_], lesions: NDArray[np.int64]) -> Measured:
    return bootstrap(Share(refused, np.ones_like(refused)), lesions)


def _blurred(image: Image.Image, strength: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(strength * SIDE))


def _lit(image: Image.Image, strength: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(strength)


def _hairy(image: Image.Image, strength: float) -> Image.Image:
    canvas = np.asarray(image, np.float64).transpose(2, 0, 1).copy()
    surroundings.hairs(replace(scene.draw(int(canvas.sum()) % 2**31, 0.5), hairs=int(strength)), canvas)
    return Image.fromarray(np.rint(canvas).astype(np.uint8).transpose(1, 2, 0))


def _ruled(image: Image.Image, strength: float) -> Image.Image:
    pixels = np.asarray(image)
    return Image.fromarray(at_edge(np.random.default_rng(int(pixels.sum())), pixels, strength))


SWEEPS: dict[str, tuple[str, Callable[[Image.Image, float], Image.Image], tuple[float, ...]]] = {
    "blur": (
        "Gaussian blur, standard deviation in sides of the picture", _blurred,
        (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05),
    ),
    "darkness": ("brightness multiplied", _lit, (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05)),
    "brightness": ("brightness multiplied, cut off at white", _lit, (1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 4.0)),
    "hairs": ("so many rendered hairs laid over the picture", _hairy, (5, 10, 20, 40, 80, 160, 320)),
    "ruler": ("a ruler that reaches so many sides of the picture inwards", _ruled, (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)),
}  # fmt: skip
"""What is done, to a picture and with a strength; strengths in rising harm."""


def sweep(runtime: Runtime, limits: list[Limit], pixels: Pixels, name: str) -> Sweep:
    """What the gate makes of good images that are changed more and more.

    Args:
        runtime: The loaded artifact.
        limits: Of the gate.
        pixels: Good held-out images, uint8[n, 224, 224, 3].
        name: A key of `SWEEPS`.
    """
    description, change, strengths = SWEEPS[name]
    shares: dict[str, float] = {}
    caught_from: float | None = None
    for strength in strengths:
        changed = np.stack([np.asarray(change(Image.fromarray(p), strength)) for p in pixels])
        found = measure_images(runtime, changed, [SIDE] * len(changed), f"{name} {strength:g}")
        refused = np.logical_or.reduce(list(crossing(limits, found).values()))
        shares[f"{strength:g}"] = share = round(float(refused.mean()), 4)
        caught_from = None if share < CAUGHT else strength if caught_from is None else caught_from
    return Sweep(description=f"{description}; {len(pixels)} good images", abstained=shares, caught_from=caught_from)


def held_out(table: Table, split: Split) -> dict[str, list[int]]:
    """Rows that nothing was learned from or chosen on, by source."""
    found = {}
    for source in sorted({image.source for image in table.images}):
        rows = [row for role in ("test", "external", "shown") for row in split.rows(role, source, table)]
        if rows:
            found[source] = rows
    return found


def measure_good(runtime: Runtime, table: Table, split: Split, limits: list[Limit]) -> dict[str, Refusals]:
    """Refusals of held-out images of every source, and of the malignant ones among them."""
    measured = {}
    for source, rows in held_out(table, split).items():
        found, lesions = measure_rows(runtime, table, rows, source), table.lesions[rows]
        measured[source] = refusals(limits, found, lesions, f"held-out images of {source}")
        malignant = np.array([bool(table.images[r].label) and table.images[r].label <= MALIGNANT for r in rows])
        if malignant.any() and not malignant.all():
            chosen: Found = {name: values[malignant] for name, values in found.items()}
            name = f"{source}-malignant"
            measured[name] = refusals(limits, chosen, lesions[malignant], f"malignant ones of {source}")
    return measured
