"""A picture in squares of 8 x 8 pixels: how its colours lie, and whether anything stands out from the skin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dermoscopy.filters import Floats, Mask, all_of
from dermoscopy.prepare import SIDE

Pixels = NDArray[np.uint8]

SPREAD_WEIGHT = 0.15
"""Of `redness`: what the spread of the colours counts beside their means; on 1,762 validation images of three sources
more tells exchanged ones apart no better."""
_CELL: Literal[8] = 8
"""Pixels of a cell's side."""
_CELLS = SIDE // _CELL
_SPREAD = (2.0, 98.0)


@dataclass(frozen=True)
class Cells:
    """Means of 8 x 8 pixels.

    Attributes:
        means: float32[n, 3], 0 to 255, row by row.
        used: bool[784], which cells these are: those outside the dark frame; None if they are all.
    """

    means: Floats
    used: Mask | None


def cells_of(pixels: Pixels, lit: Mask | None = None) -> Cells:
    """The cells of a picture.

    Args:
        pixels: uint8[224, 224, 3].
        lit: bool[224, 224], what is not the instrument's dark frame; None if there is none.
    """
    means = _sums(pixels).reshape(-1, 3) * np.float32(1 / _CELL**2)
    used = None if lit is None else all_of(lit, _CELL).ravel()
    if used is None or not _CELLS <= np.count_nonzero(used) < used.size:
        return Cells(means, None)
    return Cells(means[used], used)


def redness(cells: Cells) -> float:
    """How much more red than blue a picture is, as a natural logarithm: positive in nearly every photograph of skin.

    Skin reflects more red than blue, and melanin and blood absorb more blue than red (R. R. Anderson and J. A. Parrish,
    The Optics of Human Skin, J Invest Dermatol 77:13, 1981), so that the means of blue are lower and its logarithms
    spread further. Exchange the two channels, and the sign changes. Of the means, white balance changes it as well; of
    the spreads it does not.
    """
    logarithms = np.log(cells.means[:, ::2] + 8)  # a little, so that what is black has one too
    centre, spread = logarithms.mean(axis=0), logarithms.std(axis=0) + 0.01
    return float(centre[0] - centre[1] + SPREAD_WEIGHT * np.log(spread[1] / spread[0]))


def contrast(cells: Cells) -> float:
    """Grey levels between dark and bright parts, in the channel in which they differ most.

    After the best quadratic surface was taken off: uneven light and a soft vignette are no lesion. Small where there is
    nothing but skin.
    """
    means, used, surface = cells.means, cells.used, _surfaces()
    if used is not None:
        surface = surface[used]
        best = np.linalg.solve(_normal(surface), surface.T @ means)
    else:
        best = _fit_to_all() @ means
    left = np.ascontiguousarray((means - surface @ best).T)
    low, high = _percentiles(left, _SPREAD)
    return float((high - low).max())


@cache
def _surfaces() -> Floats:
    """1, x, y, x², y², xy over the cells: float32[784, 6]."""
    y, x = np.mgrid[:_CELLS, :_CELLS] / (_CELLS - 1) - 0.5
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6).astype(np.float32)


def _normal(surface: Floats) -> Floats:
    """The normal equations' matrix, float32[6, 6], of the surfaces float32[n, 6] at n cells."""
    return np.asarray(surface.T @ surface + np.float32(1e-3) * np.eye(surface.shape[1], dtype=np.float32))


@cache
def _fit_to_all() -> Floats:
    """Gives the best quadratic surface of the values of all cells: float32[6, 784]."""
    return np.asarray(np.linalg.solve(_normal(_surfaces()), _surfaces().T))


def _sums(pixels: Pixels) -> NDArray[np.uint16]:
    """Sums of each channel over the cells, uint16[28, 28, 3]."""
    bands = np.add.reduce(pixels.reshape(_CELLS, _CELL, -1), axis=1, dtype=np.uint16)
    # Over an axis in the middle, NumPy's own sum takes several times as long.
    return np.asarray(np.einsum("abic->abc", bands.reshape(_CELLS, _CELLS, _CELL, 3)))


def _percentiles(values: NDArray[np.floating], percents: tuple[float, ...]) -> list[NDArray[np.floating]]:
    """Of each row, linear between two values, as NumPy's own, whose ways around it take longer than the sorting.

    Args:
        values: Whose rows are put into another order.
        percents: Which ones.
    """
    last = values.shape[1] - 1
    places = [percent / 100 * last for percent in percents]
    around = [(int(place), min(int(place) + 1, last), place - int(place)) for place in places]
    values.partition([index for below, above, _ in around for index in (below, above)], axis=1)
    return [values[:, below] + (values[:, above] - values[:, below]) * share for below, above, share in around]
