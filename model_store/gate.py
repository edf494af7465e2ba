"""When a version does not answer: its manifest's limits against what was measured of an image.

The one place where the rule is: service, evaluation and training ask here.
"""

from collections.abc import Iterable, Mapping
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from dermoscopy.quality import Measures
from model_store.manifest import Issue, Learned, Limit, Measure

LEARNED: tuple[Learned, ...] = get_args(Learned)

UNKNOWN = (
    Limit(issue="grey", measure="colour", least=1.0),
    Limit(issue="wrong_colours", measure="redness", least=-0.08),
    Limit(issue="elongated", measure="elongation", most=2.5),
)
"""Hold for every version that has a gate, whatever its own limits are: none has learned from such pictures.
docs/quality.md has what was measured of them."""


def learned(limits: Iterable[Limit]) -> list[Learned]:
    """The outputs of the graph that limits are on; versions differ in what they have learned to refuse."""
    wanted = {limit.measure for limit in limits}
    return [name for name in LEARNED if name in wanted]


def measures_hair(limits: Iterable[Limit]) -> bool:
    """Whether a limit is on what pixels say of hair; versions that have learned hair have none."""
    return any(limit.measure == "hair" for limit in limits)


def values(measures: Measures, outputs: Mapping[Learned, float]) -> dict[Measure, float]:
    """Everything that a limit can be on.

    Args:
        measures: Of the picture; of hair where `measures_hair`.
        outputs: Of the graph for it, each 0 to 1: those that `learned` names.
    """
    found: dict[Measure, float] = {
        "sharpness": measures.sharpness,
        "light": measures.light,
        "whiteness": measures.whiteness,
        "side": measures.side,
        "hair": measures.hair,
        "glare": measures.glare,
        "contrast": measures.contrast,
        "colour": measures.colour,
        "redness": measures.redness,
        "elongation": measures.elongation,
    }
    found.update(outputs.items())
    return found


def issues(limits: Iterable[Limit], found: Mapping[Measure, float]) -> list[Issue]:
    """What is wrong with one image, each once and in the order of the limits; empty if it is fit."""
    measured = {name: np.float64(value) for name, value in found.items()}
    return [issue for issue, has in crossing(limits, measured).items() if has]


def crossing(
    limits: Iterable[Limit], found: Mapping[Measure, NDArray[np.float64] | np.float64]
) -> dict[Issue, NDArray[np.bool_]]:
    """Which images have which issue, in the order of the limits.

    What no version has learned from is told where nothing else is wrong: a black picture has no colours either.
    """
    having: dict[Issue, NDArray[np.bool_]] = {}
    for limit in limits:
        having[limit.issue] = having.get(limit.issue, np.False_) | crossed(limit, found[limit.measure])
    fit = ~np.logical_or.reduce(list(having.values()))
    for limit in UNKNOWN:
        unknown = fit & crossed(limit, found[limit.measure])
        having[limit.issue] = having.get(limit.issue, np.False_) | unknown
    return having


def crossed(limit: Limit, found: NDArray[np.float64] | np.float64) -> NDArray[np.bool_]:
    """Which values cross a limit. What is no number crosses every limit."""
    if limit.most is not None:
        return np.asarray(~(found <= limit.most))
    return np.asarray(~(found >= np.float64(limit.least or 0.0)))
