"""Confounder report: what can be told of a picture from everything but its lesion.

A classifier that learns the frame instead of the lesion does well wherever the frame tells the class, and fails at the
next clinic. So this measures, for each source, how far border, vignette, shape, size and colour cast alone tell
malignant from benign, and how far they tell the sources apart. What is high here is no knowledge of lesions.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from model_store.manifest import Measured
from training.frame import DARK, LUMA, corner_luma, frame_of
from training.labels import BENIGN, MALIGNANT
from training.metrics import Bools, Floats, auc, bootstrap
from training.report import save_figure
from training.table import Table

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the backend is chosen

FEATURES = (
    "border_red", "border_green", "border_blue", "border_spread", "corner_luma", "vignette", "cast_red", "cast_blue",
    "aspect", "megapixels",
)  # fmt: skip
"""Mean colour of the outer 8 of 224 pixels on each side, 0 to 255, and the spread of their luma; mean luma of the four
corners (16 x 16 pixels), and how many of them are dark; red and blue over green in the bright part of the border, which
is skin or a frame but hardly lesion; width over height of the file, and its size."""

_FOLDS = 5
LEAST = 20
"""Malignant, and benign, lesions of a source without which nothing is said of it."""


@dataclass(frozen=True)
class Confounders:
    """What was measured.

    Attributes:
        values: float64[n, len(FEATURES)], of every image of the table.
        told: Source -> AUC of malignant against benign by the frame alone, cross-validated over lesions.
        single: Source -> feature -> AUC of that feature alone; below 0.5 where a high value speaks for benign.
        medians: (source, "malignant" or "benign") -> median of every feature.
        source_accuracy: Balanced accuracy at which the frame alone tells the source; chance is one over their number.
    """

    values: Floats
    told: dict[str, Measured]
    single: dict[str, dict[str, float]]
    medians: dict[tuple[str, str], Floats]
    source_accuracy: float


def measure_frame(table: Table, rows: Sequence[int] | None = None) -> Floats:
    """float64[n, len(FEATURES)] of every image of the table, or of the given rows."""

    def work(row: int) -> list[float]:
        with Pillow.open(table.images[row].path) as image:
            return [*_of_pixels(table.pixels[row]), image.width / image.height, image.width * image.height / 1e6]

    chosen = range(len(table.images)) if rows is None else rows
    with ThreadPoolExecutor(4) as pool:
        return np.array(list(tqdm(pool.map(work, chosen), total=len(chosen), desc="looking at frames", unit="img")))


def find_confounders(table: Table) -> Confounders:
    """Measures every source that has malignant and benign images, and how well the frame tells the sources."""
    values = measure_frame(table)
    malignant = np.array([bool(label) and label <= MALIGNANT for label in table.labels])
    benign = np.array([bool(label) and label <= BENIGN for label in table.labels])
    sources = np.array([image.source for image in table.images])
    told: dict[str, Measured] = {}
    single: dict[str, dict[str, float]] = {}
    medians: dict[tuple[str, str], Floats] = {}
    for source in sorted(set(sources.tolist())):
        rows = np.flatnonzero((sources == source) & (malignant | benign))
        positive, groups = malignant[rows], table.lesions[rows]
        for name, chosen in (("malignant", positive), ("benign", ~positive)):
            if chosen.any():
                medians[source, name] = np.median(values[rows[chosen]], axis=0)
        if min(_groups(groups[positive]), _groups(groups[~positive])) < LEAST:
            continue
        score = cross_validated(values[rows], positive, groups)
        told[source] = bootstrap(_auc_of(positive, score), groups)
        columns = values[rows].T
        single[source] = {name: auc(positive, column) for name, column in zip(FEATURES, columns, strict=True)}
    return Confounders(values, told, single, medians, _source_accuracy(values, sources, table.lesions))


def cross_validated(values: Floats, positive: Bools, groups: NDArray[np.int64]) -> Floats:
    """The score of each image by a logistic regression that has not seen its lesion.

    Args:
        values: float64[n, features].
        positive: bool[n].
        groups: int64[n], images with the same number stay together.
    """
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    found = cross_val_predict(model, values, positive, groups=groups, cv=folds, method="predict_proba")
    return np.asarray(found[:, 1], np.float64)


def write_confounders(found: Confounders, table: Table, folder: Path) -> str:
    """Writes confounders.csv (every image), confounders.png and confounders.md.

    Returns:
        The text of confounders.md.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "confounders.csv"
    with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as opened:
        writer = csv.writer(opened)
        writer.writerow(["image", "source", *FEATURES])
        for image, row in zip(table.images, found.values.tolist(), strict=True):
            writer.writerow([image.path.name, image.source, *(f"{value:.4g}" for value in row)])
    _draw(found, folder / "confounders.png")
    text = _text(found, {image.source for image in table.images})
    (folder / "confounders.md").write_text(text, "utf-8")
    return text


def _of_pixels(pixels: NDArray[np.uint8]) -> list[float]:
    border, _ = frame_of(pixels)
    luma, corners = border @ LUMA, corner_luma(pixels)
    bright = border[luma >= np.median(luma)].mean(axis=0)
    green = max(float(bright[1]), 1.0)
    return [
        *border.mean(axis=0).tolist(), float(luma.std()), float(corners.mean()), float((corners < DARK).sum()),
        float(bright[0]) / green, float(bright[2]) / green,
    ]  # fmt: skip


def _auc_of(positive: Bools, score: Floats) -> Callable[[NDArray[np.int64]], float]:
    return lambda rows: auc(positive[rows], score[rows])


def _groups(numbers: NDArray[np.int64]) -> int:
    return len(np.unique(numbers))


def _source_accuracy(values: Floats, sources: NDArray[np.str_], groups: NDArray[np.int64]) -> float:
    names, counts = np.unique(sources, return_counts=True)
    kept = np.isin(sources, names[counts >= LEAST])
    if len(set(sources[kept].tolist())) < 2:
        return float("nan")
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    guessed = cross_val_predict(model, values[kept], sources[kept], groups=groups[kept], cv=folds)
    return float(balanced_accuracy_score(sources[kept], guessed))


def _draw(found: Confounders, path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.0, 0.9 + 0.5 * max(len(found.told), 3)))
    names = list(found.told)
    for place, measured in enumerate(found.told.values()):
        left.plot([measured.low, measured.high], [place, place], color="tab:blue")
        left.plot(measured.value, place, "o", color="tab:blue")
    left.axvline(0.5, color="grey", linewidth=0.8, linestyle=":")
    left.set_yticks(range(len(names)), names, fontsize=8)
    left.set(xlim=(0.3, 1.0), xlabel="AUC, malignant against benign", title="By the frame alone")
    rows = [[found.single[name][feature] for feature in FEATURES] for name in names]
    shown = np.array(rows).reshape(len(names), len(FEATURES))  # not -1, which no source at all leaves open
    if names:
        right.imshow(shown, vmin=0, vmax=1, cmap="RdBu_r", aspect="auto")
    for (row, column), value in np.ndenumerate(shown):
        right.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7)
    right.set_xticks(range(len(FEATURES)), FEATURES, rotation=60, ha="right", fontsize=7)
    right.set_yticks(range(len(names)), names, fontsize=8)
    right.set_title("AUC of each property alone (0.5: tells nothing)", fontsize=9)
    save_figure(figure, path)


def _text(found: Confounders, sources: set[str]) -> str:
    parts = ["# Confounders"]
    if few := sorted(sources - set(found.told)):
        needed = f"{LEAST} malignant and {LEAST} benign lesions are needed"
        parts.append(f"Too few images of both classes to tell ({needed}): {', '.join(few)}.")
    if found.told:
        lines = ["|source|AUC|the most telling property|", "|---|---|---|"]
        for source, measured in found.told.items():
            name, value = max(found.single[source].items(), key=lambda item: abs(item[1] - 0.5))
            interval = f"{measured.value:.2f} ({measured.low:.2f} to {measured.high:.2f})"
            lines.append(f"|{source}|{interval}|{name}, alone {max(value, 1 - value):.2f}|")
        parts += ["Malignant against benign by the frame alone, cross-validated over lesions:", "\n".join(lines)]
    if np.isfinite(found.source_accuracy):
        parts.append(f"The frame alone tells the source with a balanced accuracy of {found.source_accuracy:.2f}.")
    lines = ["|source|class|" + "|".join(FEATURES) + "|", "|---" * (len(FEATURES) + 2) + "|"]
    for (source, kind), values in found.medians.items():
        lines.append(f"|{source}|{kind}|" + "|".join(f"{value:.3g}" for value in values.tolist()) + "|")
    return "\n\n".join([*parts, "Medians:", "\n".join(lines)]) + "\n"
