"""What a release does in earnest takes minutes: here it repeats everything less often.

`python -m tests.training.quick` is `python -m training`, as hurried.
"""

import sys
from functools import partial

import pytest

from training import (
    cli,
    depths,
    explanation,
    fit,
    gate,
    golden,
    grader,
    limits,
    metrics,
    release_grader,
    repeatability,
    runtimes,
)
from training.wrong import kinds

FEW_VIEWS = ("as they are", depths.REENCODED[0], "behind a vignette")
"""Of a kind that counts for more, and of one that does not: each is a pass over all training images."""


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Fewer draws, images, views and candidates, until the patch is undone."""
    patch.setattr(fit, "Recipe", partial(fit.Recipe, warmup_steps=40))
    patch.setattr(metrics, "REPEATS", 20)
    patch.setattr(depths, "STEPS", 5)
    patch.setattr(depths, "VIEWS", {name: depths.VIEWS[name] for name in FEW_VIEWS})
    patch.setattr(golden, "CANDIDATES", 20)
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


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as _patch:
        hurry(_patch)
        sys.exit(cli.main())
