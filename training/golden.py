"""Golden images: rendered lesions whose recorded answers spread over the whole range of probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from dermoscopy.prepare import SIDE, prepare
from dermoscopy.quality import measure_pixels
from dermoscopy.render import render_lesion
from model_store.gate import LEARNED, issues, values
from model_store.manifest import Golden, Limit
from model_store.runtime import Runtime

CANDIDATES = 300
TARGETS = (0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
CLEARLY = 0.9
"""Of what the gate has learned, 0 to 1: an error of a logit is a tenth of it or less in the output from here on."""
RECORDED = {"probability": ["probability", "classes", "diagnoses", *LEARNED], "probabilities": ["probabilities"]}


def render_candidates() -> NDArray[np.uint8]:
    """uint8[300, 224, 224, 3]: lesions from harmless to suspicious."""
    seeds = tqdm(range(CANDIDATES), desc="rendering golden candidates", unit="img")
    return np.stack([render_lesion(seed, malignancy=seed / (CANDIDATES - 1)) for seed in seeds])


def fit_candidates(
    candidates: NDArray[np.uint8], outputs: dict[str, NDArray[np.float32]], limits: list[Limit]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The candidates that are surely answered: without an issue, and clearly what the gate lets pass.

    Far from the gate's limits its outputs are the same in every precision.

    Args:
        candidates: uint8[n, 224, 224, 3].
        outputs: What the artifact says of them.
        limits: Of the gate.

    Returns:
        Some of the candidates and their probabilities; all of them if the gate would refuse every one.
    """
    sure = np.stack([outputs[name] for name in LEARNED], axis=1)
    fit = np.array(
        [
            not issues(limits, values(measure_pixels(pixels, SIDE), dict(zip(LEARNED, row, strict=True))))
            for pixels, row in zip(candidates, sure.tolist(), strict=True)
        ]
    )
    clear = fit & (sure >= CLEARLY).all(axis=1)
    rows = np.flatnonzero(clear if clear.any() else fit if fit.any() else np.ones_like(fit))
    return candidates[rows], outputs["probability"][rows]


def spread(probability: NDArray[np.float32]) -> list[int]:
    """Rows whose probabilities come nearest to the targets, without repeats, by rising probability."""
    rows = {int(np.abs(probability - target).argmin()) for target in TARGETS}
    return sorted(rows, key=lambda row: float(probability[row]))


def write_golden(reference: Runtime, candidates: NDArray[np.uint8], rows: list[int], folder: Path) -> list[Golden]:
    """Write golden PNGs and what the reference runtime says of them.

    Args:
        reference: TensorFlow running the artifact.
        candidates: Rendered images.
        rows: Which of them.
        folder: The version's folder; the files go into its `golden/`.

    Returns:
        Records for the manifest, in the order of the rows.
    """
    (folder / "golden").mkdir()
    records = []
    for number, row in enumerate(rows):
        name = f"golden/{number:02}.png"
        Image.fromarray(candidates[row]).save(folder / name, optimize=True)
        outputs = reference.run(prepare((folder / name).read_bytes()).pixels[None])
        recorded = next(names for key, names in RECORDED.items() if key in outputs)
        records.append(Golden(file=name, outputs={key: outputs[key].ravel().tolist() for key in recorded}))
    return records
