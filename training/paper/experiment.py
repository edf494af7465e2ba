"""What all candidates of one comparison share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.paper.candidates import Candidate
from training.paper.data import PaperData
from training.paper.recipe import PaperRecipe
from training.table import Table

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Experiment:
    """One comparison.

    Attributes:
        table: The images.
        data: Which of them are learned from, watched and tested.
        recipe: How the networks learn.
        weights: A folder of ImageNet weights, or "imagenet" for Keras's own.
        folder: Where everything is kept.
    """

    table: Table
    data: PaperData
    recipe: PaperRecipe
    weights: str
    folder: Path

    def place(self, candidate: Candidate) -> Path:
        """A candidate's own folder."""
        folder = self.folder / candidate.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def features(self, base: str, part: str, make: Callable[[], Floats]) -> Floats:
        """Features of a base, computed once for all candidates that use it.

        Args:
            base: Which, and how it learned: the name of the candidate that is this base alone.
            part: Of which images: a word for the file.
            make: Computes them.
        """
        file = self.folder / "features" / f"{base}-{part}.npy"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(".partial.npy")
            np.save(partial, make())
            partial.rename(file)
        loaded: Floats = np.load(file)
        return loaded
