"""When a version does not answer: its manifest's limits against what was measured of an image.

The one place where the rule is: service, evaluation and training ask here.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from dermoscopy.quality import Measures
from model_store.manifest import Issue, Limit, Measure


def values(measures: Measures, dermoscopic: float) -> dict[Measure, float]:
    """Everything that a limit can be on.

    Args:
        measures: Of the picture.
        dermoscopic: The graph's output for it, 0 to 1.
    """
    return {
        "sharpness": measures.sharpness,
        "light": measures.light,
        "whiteness": measures.whiteness,
        "side": measures.side,
        "hair": measures.hair,
        "glare": measures.glare,
        "contrast": measures.contrast,
        "dermoscopic": dermoscopic,
    }


def issues(limits: Iterable[Limit], found: Mapping[Measure, float]) -> list[Issue]:
    """What is wrong with one image, in the order of the limits; empty if it is fit."""
    return [limit.issue for limit in limits if bool(crossed(limit, np.float64(found[limit.measure])))]


def crossed(limit: Limit, found: NDArray[np.float64] | np.float64) -> NDArray[np.bool_]:
    """Which values cross a limit. What is no number crosses every limit."""
    if limit.most is not None:
        return np.asarray(~(found <= limit.most))
    return np.asarray(~(found >= np.float64(limit.least or 0.0)))
