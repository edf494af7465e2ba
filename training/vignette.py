"""Whether a dark round border moves the answer: it comes from the instrument, not from the lesion.

In melanoma10000 such a vignette is common in malignant images and almost absent in benign ones, so a network that
learned it does well there and nowhere else. Here one is painted on every held-out image, and cut away where there is
one; what the frame of the pictures tells without any lesion stands beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.prepare import SIDE, resize
from model_store.manifest import Evaluation, Measured
from model_store.runtime import Runtime
from training.confounders import LEAST, cross_validated, measure_frame
from training.evaluation import kind_of
from training.frame import DARK, corner_luma
from training.metrics import auc, bootstrap
from training.scoring import score
from training.table import Table

RADIUS = 0.98
"""Of the painted vignette, in half sides of the picture: the corners and a little of each side turn black."""
_SOFT_PIXELS = 2.0
_CLOSEST = 0.7
"""The square inside a circle that touches the sides has 0.707 of their length."""

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


def painted(pixels: Pixels) -> Pixels:
    """Images behind a black circular vignette.

    Args:
        pixels: uint8[n, 224, 224, 3].
    """
    line = np.arange(SIDE) - (SIDE - 1) / 2
    away = np.hypot(line[:, None], line[None, :])
    seen = 1 / (1 + np.exp((away - RADIUS * SIDE / 2) / _SOFT_PIXELS))
    return np.asarray(np.rint(pixels * seen[:, :, None]), np.uint8)


def cut_away(picture: Pixels) -> Pixels | None:
    """A picture without its vignette: the largest centred part whose corners are not dark, at full size again.

    Args:
        picture: uint8[224, 224, 3].

    Returns:
        None where there is no vignette, or where it reaches too far in.
    """
    for share in np.arange(1.0, _CLOSEST - 0.001, -0.05):
        edge = round(SIDE * (1 - share) / 2)
        part = picture[edge : SIDE - edge, edge : SIDE - edge]
        if (corner_luma(part) >= DARK).all():
            return None if share == 1.0 else resize(Image.fromarray(part))
    return None


def measure_vignettes(runtime: Runtime, table: Table, rows: list[int], description: str) -> Evaluation:
    """How far probabilities move, what they are still worth behind vignettes, and what the frame alone is worth.

    Args:
        runtime: The loaded artifact.
        table: The images.
        rows: Held-out ones, benign and malignant.
        description: Of the set.
    """
    pixels, lesions = np.ascontiguousarray(table.pixels[rows]), table.lesions[rows]
    malignant = np.array([kind_of(table.images[row].label) != "benign" for row in rows])
    before = _probability(runtime, pixels, "vignettes: as they are")
    behind = _probability(runtime, painted(pixels), "vignettes: painted")
    metrics = {
        "mean_change_when_painted": _mean(np.abs(behind - before), lesions),
        "auc_when_painted": _auc(malignant, behind, lesions),
    }
    parts = [cut_away(picture) for picture in pixels]
    framed = np.array([part is not None for part in parts])
    if framed.any():
        without = _probability(runtime, np.stack([p for p in parts if p is not None]), "vignettes: cut away")
        metrics["mean_change_when_cut_away"] = _mean(np.abs(without - before[framed]), lesions[framed])
    if min(len(np.unique(lesions[kind])) for kind in (malignant, ~malignant)) >= LEAST:
        frame = cross_validated(measure_frame(table, rows), malignant, lesions)
        metrics["auc_of_frame_only_baseline"] = _auc(malignant, frame, lesions)
    return Evaluation(
        description=f"{description}, behind a painted black vignette, and with their own cut away ({framed.sum()} have "
        "one); the baseline, where there are lesions enough, sees only border, corners and shape of the picture",
        images=len(rows),
        positives=int(malignant.sum()),
        groups=len(np.unique(lesions)),
        metrics=metrics,
        seen_in_training=False,
    )


def _probability(runtime: Runtime, pixels: Pixels, title: str) -> Floats:
    return score(runtime, pixels, list(range(len(pixels))), title)["probability"].astype(np.float64)


def _mean(values: Floats, lesions: NDArray[np.int64]) -> Measured:
    return bootstrap(lambda drawn: float(values[drawn].mean()), lesions)


def _auc(positive: NDArray[np.bool_], values: Floats, lesions: NDArray[np.int64]) -> Measured:
    return bootstrap(lambda drawn: auc(positive[drawn], values[drawn]), lesions)
