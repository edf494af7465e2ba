"""Random fields over the unit square, and the arithmetic that paints with them.

Arrays are only ever added, multiplied, divided, compared and rooted: IEEE 754 fixes these to the last bit, so the same
seed gives the same bytes on every machine. (Sines and exponentials differ between processors.) Fields are defined over
the unit square and not over pixels: the same seed shows the same lesion at every size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
"""One value for each pixel: float64[side, side]."""

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""


def axis(side: int) -> Field:
    """Return the pixel centres along one side of the unit square: float64[side], between 0 and 1."""
    return (np.arange(side, dtype=np.float64) + 0.5) / side


def smoothstep(low: float | Field, high: float | Field, value: Field) -> Field:
    """Rise smoothly from 0 where `value` is at most `low` to 1 where it is at least `high`."""
    t = (value - low) / (high - low)
    np.clip(t, 0.0, 1.0, out=t)
    cubic = 3.0 - 2.0 * t
    cubic *= t
    cubic *= t
    return cubic


def _spline_weights(t: Field) -> tuple[Field, Field, Field, Field]:
    """Return the four weights of the uniform cubic B-spline at `t` (0 to 1) between its two middle knots."""
    s = 1.0 - t
    return (
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    )


def noise(rng: np.random.Generator, side: int, cells: int) -> Field:
    """Draw smooth noise with about `cells` bumps along each side.

    Args:
        rng: Draws (cells + 3)² numbers from it, whatever the side.
        side: Of the field, in pixels.
        cells: Number of cells of the lattice along each side.

    Returns:
        float64[side, side], mostly between -1 and 1, mean near 0.
    """
    # The spline averages; twice the range brings the standard deviation near that of a uniform number.
    lattice = rng.uniform(-2.0, 2.0, (cells + 3, cells + 3))
    place = axis(side) * cells
    first = place.astype(np.intp)
    rows = np.zeros((side, cells + 3))
    field = np.zeros((side, side))
    weights = _spline_weights(place - first)
    for k, weight in enumerate(weights):
        rows += weight[:, None] * lattice[first + k]
    for k, weight in enumerate(weights):
        part = rows.take(first + k, axis=1)
        part *= weight
        field += part
    return field


def octaves(rng: np.random.Generator, side: int, cells: int, count: int) -> Field:
    """Add up noise of doubling fineness and halving height: float64[side, side], mostly between -1 and 1."""
    field = np.zeros((side, side))
    for k in range(count):
        field += noise(rng, side, cells << k) * (0.6 / (1 << k))
    return field


def worley(rng: np.random.Generator, side: int, cells: int) -> tuple[Field, Field, Field]:
    """Scatter one point in every cell of a lattice and measure the distance to the nearest ones (Worley noise).

    Args:
        rng: Draws 3 (cells + 2)² numbers from it, whatever the side.
        side: Of the fields, in pixels.
        cells: Number of cells along each side.

    Returns:
        Distance to the nearest point, distance to the second nearest (both in cells), and a number between 0 and 1
        that belongs to the nearest point; each float64[side, side].
    """
    points = rng.uniform(0.1, 0.9, (2, cells + 2, cells + 2))
    label = rng.uniform(0.0, 1.0, (cells + 2, cells + 2))
    place = axis(side) * cells
    cell = place.astype(np.intp)
    inside = place - cell
    nearest = np.full((side, side), 9.0)
    second = np.full((side, side), 9.0)
    owner = np.zeros((side, side))
    for down in (0, 1, 2):
        for across in (0, 1, 2):
            at = np.ix_(cell + down, cell + across)
            dy = points[0][at] + (down - 1 - inside)[:, None]
            dx = points[1][at] + (across - 1 - inside)
            distance = dx * dx + dy * dy
            closer = distance < nearest
            second = np.minimum(second, np.maximum(distance, nearest))
            owner = np.where(closer, label[at], owner)
            nearest = np.where(closer, distance, nearest)
    return np.sqrt(nearest), np.sqrt(second), owner


def blend(canvas: Field, colour: Colour | Field, amount: Field) -> None:
    """Paint a colour over a canvas, in place.

    Args:
        canvas: float64[3, side, side], 0 to 255.
        colour: One colour, or float64[3, side, side].
        amount: float64[side, side] or one that broadcasts to it, 0 (none) to 1 (all).
    """
    for channel in range(3):
        change = colour[channel] - canvas[channel]
        change *= amount
        canvas[channel] += change
