"""Image filters on arrays: Gaussian blur, Otsu's threshold, morphology. Pillow has none of them for real numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in brightness (ITU-R BT.601)."""

FRAME_LUMA = 45.0
"""Brightness, 0 to 255, below which what reaches the border of a picture is the instrument's dark frame."""


def correlate(image: Floats, kernel: Floats) -> Floats:
    """Correlation of an image with a kernel, the image mirrored at its border.

    Args:
        image: float32[h, w].
        kernel: float32[k, k], k odd and less than 2 h and 2 w.

    Returns:
        float32[h, w].
    """
    return Bank(image, len(kernel) // 2).correlate(kernel)


class Bank:
    """Correlates one image with many kernels, in the frequency domain: the image is transformed once.

    Args:
        image: float32[h, w].
        reach: Kernels are float32[2 reach + 1, 2 reach + 1].
    """

    def __init__(self, image: Floats, reach: int) -> None:
        self._reach, self._shape = reach, image.shape
        padded = np.pad(image, reach, mode="reflect")
        self._padded = padded.shape
        self._image = np.fft.rfft2(padded)

    def correlate(self, kernel: Floats) -> Floats:
        """float32[h, w]."""
        height, width = self._shape
        spectrum = np.conj(np.fft.rfft2(kernel, s=self._padded))
        # Element [0, 0] of the result is the kernel's corner at the padded image's corner: its centre is at [0, 0].
        found = np.fft.irfft2(self._image * spectrum, s=self._padded)[:height, :width]
        return np.asarray(found, np.float32)


def blur(image: Floats, sigma: float) -> Floats:
    """Gaussian blur of float32[h, w] with a standard deviation in pixels, cut off at three of them."""
    reach = int(np.ceil(3 * sigma))
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    line /= line.sum()
    return correlate(image, np.asarray(np.outer(line, line), np.float32))


def otsu(values: Floats) -> float:
    """The threshold that parts values into two groups of least variance (Otsu 1979, doi 10.1109/TSMC.1979.4310076).

    Args:
        values: Any shape, at least two different ones; looked at in 256 steps.

    Returns:
        Values above it are the upper group.
    """
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = values.size - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1 + np.nanargmax(between)])


def shifted(mask: Mask, rows: int, columns: int) -> Mask:
    """A mask moved by a pixel or so; what comes in at the border is what was there.

    Args:
        mask: bool[h, w].
        rows: Downwards.
        columns: To the right.
    """
    reach = max(abs(rows), abs(columns))
    padded = np.pad(mask, reach, mode="edge")
    height, width = mask.shape
    return np.asarray(padded[reach - rows : reach - rows + height, reach - columns : reach - columns + width])


def _neighbours() -> Iterator[tuple[int, int]]:
    return ((rows, columns) for rows in (-1, 0, 1) for columns in (-1, 0, 1))


def dilated(mask: Mask, times: int = 1) -> Mask:
    """A mask grown by so many pixels to all sides."""
    for _ in range(times):
        mask = np.logical_or.reduce([shifted(mask, *step) for step in _neighbours()])
    return mask


def reached(seed: Mask, inside: Mask) -> Mask:
    """The parts of a mask that touch a seed: the seed grown as long as it stays inside."""
    found, before = seed & inside, -1
    while (count := int(found.sum())) != before:
        before = count
        found = dilated(found) & inside
    return found


def all_of(mask: Mask, size: Literal[2, 8]) -> Mask:
    """Which squares of size x size pixels are true throughout.

    Two or eight booleans beside each other are read as one number: ten times faster than NumPy's `all` over two axes.
    """
    number = {2: np.uint16, 8: np.uint64}[size]
    along = mask.view(number) == np.ones(size, np.bool_).view(number)[0]
    return np.asarray(np.logical_and.reduce([along[row::size] for row in range(size)]))
