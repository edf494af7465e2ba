"""Whether the heatmap shows what moved the decision: what it highlights is hidden, and the answer must change.

Deletion (Petsiuk 2018, arXiv:1806.07421): parts of a picture are painted over in the order of their activation. If the
map is right, the probability moves further when the highest go first than when the lowest do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from dermoscopy.prepare import SIDE
from model_store.explanation import evidence
from model_store.manifest import Evaluation
from model_store.runtime import Runtime
from training.evaluation import kind_of
from training.frame import frame_of
from training.metrics import bootstrap
from training.report import save_figure
from training.scoring import score
from training.table import Table

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the backend is chosen

MOST_IMAGES = 200
HIDDEN = 0.25
"""Share of the picture that the figures hide."""
STEPS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 0.75, 1.0)
OUTPUT = "activation_map"

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

ORDERS: dict[str, Callable[[Floats], Floats]] = {
    "highest first": lambda activation: -activation,
    "lowest first": lambda activation: activation,
    "at random": lambda activation: np.random.default_rng(0).permutation(activation.ravel()).reshape(activation.shape),
}
"""What is hidden first: the places with the lowest values."""


def hidden(picture: Pixels, order: Floats, share: float) -> Pixels:
    """A picture with a share of it painted over in the colour of its border, which is mostly skin.

    Args:
        picture: uint8[224, 224, 3].
        order: float64[224, 224]; the lowest values are painted over first.
        share: Of the picture, 0 to 1.
    """
    count = round(share * order.size)
    places = np.argpartition(order.ravel(), count - 1)[:count] if count else np.empty(0, np.int64)
    found = picture.reshape(-1, 3).copy()
    found[places] = np.median(frame_of(picture)[0], axis=0).astype(np.uint8)
    return found.reshape(picture.shape)


def activation_of(maps: NDArray[np.float32]) -> Floats:
    """Maps at the size of the pictures, as the service draws them: float64[n, 224, 224] of float32[n, 5, 5]."""
    return np.stack([evidence(one, SIDE, SIDE).astype(np.float64) for one in maps])


def measure_explanation(
    runtime: Runtime, table: Table, rows: list[int], description: str, plot: Path | None = None
) -> Evaluation | None:
    """How far hiding parts of the pictures moves the probability; None if the version draws no map.

    Args:
        runtime: The loaded artifact.
        table: The images.
        rows: Held-out ones; at most `MOST_IMAGES` of them are asked about.
        description: Of the set.
        plot: Where to draw the deletion curves; None for nowhere.
    """
    chosen = np.sort(np.random.default_rng(2).permutation(np.array(rows))[:MOST_IMAGES])
    pixels, lesions = np.ascontiguousarray(table.pixels[chosen]), table.lesions[chosen]
    outputs = score(runtime, pixels, list(range(len(pixels))), "explanation")
    if OUTPUT not in outputs:
        return None
    activation, before = activation_of(outputs[OUTPUT]), outputs["probability"].astype(np.float64)

    def moved(order: str, share: float) -> Floats:
        """How far hiding a share (0 to 1) of each picture moves its probability: float64[n], 0 to 1."""
        changed = np.stack(
            [hidden(picture, ORDERS[order](one), share) for picture, one in zip(pixels, activation, strict=True)]
        )
        title = f"explanation: {share:.0%} hidden, {order}"
        after = score(runtime, changed, list(range(len(changed))), title)["probability"].astype(np.float64)
        return np.asarray(np.abs(after - before))

    curves = {order: {share: moved(order, share) for share in STEPS if share} for order in ORDERS}
    if plot is not None:
        _draw({order: [0.0, *(values.mean() for values in curve.values())] for order, curve in curves.items()}, plot)
    figures = _figures({order: curve[HIDDEN] for order, curve in curves.items()}, moved("lowest first", 1 - HIDDEN))
    return Evaluation(
        description=f"{description}, a quarter of each painted over in the colour of its border: the highlighted one, "
        "the least highlighted one, random places; and everything but the highlighted one",
        images=len(chosen),
        positives=sum(kind_of(table.images[row].label) != "benign" for row in chosen),
        groups=len(np.unique(lesions)),
        metrics={name: bootstrap(_mean_of(values), lesions) for name, values in figures.items()},
        seen_in_training=False,
    )


def _figures(changes: dict[str, Floats], rest: Floats) -> dict[str, Floats]:
    """Figure -> its value for each picture, float64[n].

    Args:
        changes: Order -> change of the probability with `HIDDEN` of the picture hidden.
        rest: With everything hidden but what is highlighted.
    """
    highest, lowest, random = (changes[order] for order in ORDERS)
    return {
        "mean_change_highlighted_hidden": highest,
        "mean_change_least_highlighted_hidden": lowest,
        "mean_change_random_places_hidden": random,
        "mean_change_all_but_highlighted_hidden": rest,
        "highlighted_moves_more_than_least_highlighted": (highest > lowest).astype(np.float64),
    }


def _mean_of(values: Floats) -> Callable[[NDArray[np.int64]], float]:
    return lambda drawn: float(values[drawn].mean())


def _draw(curves: dict[str, list[float]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(5.0, 4.2))
    for order, values in curves.items():
        axes.plot([100 * share for share in STEPS], values, marker="o", markersize=3, label=order)
    axes.set(xlabel="% of the picture hidden", ylabel="mean change of the probability", title="Deletion")
    axes.legend(fontsize=8)
    save_figure(figure, path)
