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

GREY = Limit(issue="grey", measure="colour", least=1.0)
"""Holds for every version that has a gate, whatever its own limits are: none has learned from grey pictures. Of 360
photographs that were made grey classifier/6 by its own limits answers 93 %, and decides on every fifth otherwise."""


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
    }
    found.update(outputs.items())
    return found


def issues(limits: Iterable[Limit], found: Mapping[Measure, float]) -> list[Issue]:
    """What is wrong with one image, each once and in the order of the limits; empty if it is fit.

    That it is grey is told where nothing else is wrong: a black picture has no colours either.
    """
    for ones in (limits, [GREY]):
        crossing = (limit.issue for limit in ones if bool(crossed(limit, np.float64(found[limit.measure]))))
        if wrong := list(dict.fromkeys(crossing)):
            return wrong
    return []


def crossed(limit: Limit, found: NDArray[np.float64] | np.float64) -> NDArray[np.bool_]:
    """Which values cross a limit. What is no number crosses every limit."""
    if limit.most is not None:
        return np.asarray(~(found <= limit.most))
    return np.asarray(~(found >= np.float64(limit.least or 0.0)))
