"""Runs table rows through an exported artifact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_store.runtime import Runtime

BATCH = 32


def score(runtime: Runtime, pixels: NDArray[np.uint8], rows: list[int], title: str) -> dict[str, NDArray[np.float32]]:
    """All outputs of the artifact for the given rows.

    Args:
        runtime: The loaded artifact.
        pixels: uint8[n, 224, 224, 3].
        rows: Which of them, at least one.
        title: What the progress bar says.

    Returns:
        Output name -> float32[len(rows), ...].
    """
    runtime.expect_crowds()
    parts = [
        runtime.run(np.ascontiguousarray(pixels[rows[start : start + BATCH]]))
        for start in tqdm(range(0, len(rows), BATCH), desc=title, unit="batch")
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
