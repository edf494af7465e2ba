"""What a release does in earnest takes minutes: here it repeats everything less often."""

import pytest

from training import depths, explanation, gate, golden, grader, limits, metrics, release_grader, repeatability, runtimes
from training.wrong import kinds

FEW_VIEWS = ("as they are", "varied", depths.REENCODED[0], "behind a vignette")
"""One of each kind, for the pass over all training images for each of them is what takes longest."""


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Fewer draws, images, views and candidates, until the patch is undone."""
    patch.setattr(metrics, "REPEATS", 20)
    patch.setattr(depths, "STEPS", 5)
    patch.setattr(depths, "VIEWS", {name: depths.VIEWS[name] for name in FEW_VIEWS})
    patch.setattr(golden, "CANDIDATES", 30)
    patch.setattr(runtimes, "IMAGES", 8)
    patch.setattr(repeatability, "MOST_IMAGES", 6)
    patch.setattr(explanation, "MOST_IMAGES", 6)
    patch.setattr(explanation, "STEPS", (0.0, 0.25, 1.0))
    patch.setattr(grader, "FOLDS", 3)
    patch.setattr(kinds, "EACH", 4)
    patch.setattr(kinds, "MEASURED_EACH", 4)
    patch.setattr(gate, "RENDERED", 8)
    patch.setattr(gate, "SHRUNK", 6)
    patch.setattr(limits, "SWEPT", 6)
    for name, (description, change, strengths) in limits.SWEEPS.items():
        patch.setitem(limits.SWEEPS, name, (description, change, strengths[::4]))
    patch.setattr(grader, "INNER_FOLDS", 2)
    for module in (grader, release_grader):
        patch.setattr(module, "VIEWS", 1)
        patch.setattr(module, "REPEATS", 1)
