"""What a release does in earnest takes minutes: here it repeats everything less often."""

import pytest

from training import explanation, golden, grader, metrics, release_grader, repeatability, runtimes


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Fewer draws, images, views and candidates, until the patch is undone."""
    patch.setattr(metrics, "REPEATS", 20)
    patch.setattr(golden, "CANDIDATES", 30)
    patch.setattr(runtimes, "IMAGES", 8)
    patch.setattr(repeatability, "MOST_IMAGES", 6)
    patch.setattr(explanation, "MOST_IMAGES", 6)
    patch.setattr(explanation, "STEPS", (0.0, 0.25, 1.0))
    patch.setattr(grader, "FOLDS", 3)
    patch.setattr(grader, "INNER_FOLDS", 2)
    for module in (grader, release_grader):
        patch.setattr(module, "VIEWS", 1)
        patch.setattr(module, "REPEATS", 1)
