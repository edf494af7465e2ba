"""Whether a picture is fit to be looked at: sharpness, light, size, hair, glare, and whether anything is there.

Simple measures on the prepared square, about 2 ms together, so that they cost hardly any throughput. What is acceptable
is no matter of this file: every version has its own limits, chosen on images that it must not turn away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dermoscopy.filters import FRAME_LUMA, Floats, Mask
from dermoscopy.prepare import SIDE, Prepared

Pixels = NDArray[np.uint8]
Bytes = NDArray[np.uint8]

WHITE = 240
"""Level, 0 to 255, from which on in all three channels a pixel shows the lamp and no skin."""
HAIR_WIDTH = 9
"""Pixels of 224: a dark line that is thinner is a hair, ink or pigment network."""
HAIR_CONTRAST = 30
"""Grey levels by which a line is at least darker than what is beside it; most pigment network stays below."""

_LEAST_LIT = 2000
"""Pixels: with fewer outside the dark frame the whole picture is dark, and all of it counts."""
_LEAST_ENERGY = 2.0
"""Squared grey levels of detail that rounding and JPEG leave in a picture without any."""
_CELLS = 28
_SPREAD = (2.0, 98.0)


@dataclass(frozen=True)
class Measures:
    """What can be said of a picture without knowing what it shows.

    Attributes:
        sharpness: See `sharpness`.
        light: Brightness, 0 to 255, that nine tenths of the picture do not exceed, its dark frame left out.
        whiteness: Brightness, 0 to 255, that half of the picture exceeds, its dark frame left out.
        side: Pixels of the file's shorter side.
        hair: See `hair_share`.
        glare: Share of the picture, 0 to 1, that is white.
        contrast: See `contrast`.
    """

    sharpness: float
    light: float
    whiteness: float
    side: float
    hair: float
    glare: float
    contrast: float


def measure(prepared: Prepared) -> Measures:
    """All measures of an image as `dermoscopy.prepare` gives it."""
    return measure_pixels(prepared.pixels, min(prepared.width, prepared.height))


def measure_pixels(pixels: Pixels, side: int) -> Measures:
    """All measures.

    Args:
        pixels: uint8[224, 224, 3], RGB.
        side: Pixels of the shorter side of the file that they are from.
    """
    luma = brightness(pixels)
    lit = luma >= FRAME_LUMA
    if np.count_nonzero(lit) < _LEAST_LIT:
        lit = np.ones_like(lit)
    white = pixels >= WHITE
    counted = np.cumsum(np.bincount(luma[lit], minlength=256))
    whiteness, light = np.searchsorted(counted, np.array((0.5, 0.9)) * counted[-1])
    return Measures(
        sharpness=sharpness(luma, lit),
        light=float(light),
        whiteness=float(whiteness),
        side=float(side),
        hair=hair_share(luma),
        glare=float(np.count_nonzero(white[..., 0] & white[..., 1] & white[..., 2]) / luma.size),
        contrast=contrast(pixels, lit),
    )


def brightness(pixels: Pixels) -> Bytes:
    """Luma (ITU-R BT.601) in whole numbers: uint8[h, w] of uint8[h, w, 3]."""
    red, green, blue = (pixels[..., channel].astype(np.uint16) for channel in range(3))
    return ((red * 77 + green * 150 + blue * 29) >> 8).astype(np.uint8)


def sharpness(luma: Bytes, lit: Mask) -> float:
    """Contrast of detail 4 pixels wide relative to detail 16 pixels wide, of 224.

    About 0.7 in a sharp picture, whatever its contrast: blur takes fine detail away long before coarse detail
    (Gaussian: by exp(-2 pi² sigma² f²)). Detail is the Laplacian of the picture at a half and at an eighth of its size,
    so neither the noise of single pixels nor that of a JPEG counts as sharpness.

    Args:
        luma: uint8[224, 224].
        lit: bool[224, 224], what is not the instrument's dark frame, whose edge would be sharp in any picture.
    """
    fine = _half(luma.astype(np.float32)), _all_of(lit, 2)
    coarse = _half(_half(fine[0])), _all_of(lit, 8)
    return float(np.sqrt(max(_energy(*fine) - _LEAST_ENERGY, 0.0) / (_energy(*coarse) + _LEAST_ENERGY)))


def hair_share(luma: Bytes) -> float:
    """Share of the picture, 0 to 1, that lies in dark lines: what a morphological closing fills up.

    It sees hair, ink and broad pigment network alike; only where lines cover much of the picture are they hair.
    """
    filled = 255 - _highest(255 - _highest(luma, HAIR_WIDTH), HAIR_WIDTH)
    return float(np.count_nonzero(filled - luma > HAIR_CONTRAST) / luma.size)


def contrast(pixels: Pixels, lit: Mask) -> float:
    """Grey levels between dark and bright parts, in the channel in which they differ most.

    Means of 8 x 8 pixels, after the best quadratic surface was taken off: uneven light and a soft vignette are no
    lesion. Small where there is nothing but skin.

    Args:
        pixels: uint8[224, 224, 3].
        lit: bool[224, 224], what is not the instrument's dark frame.
    """
    size = SIDE // _CELLS
    used = _all_of(lit, size).ravel()
    if np.count_nonzero(used) < _CELLS:
        used = np.ones_like(used)
    # In two steps, along the memory first: a mean over both axes at once takes six times as long.
    sums = pixels.reshape(_CELLS, size, -1).sum(axis=1, dtype=np.uint32).reshape(_CELLS, _CELLS, size, 3).sum(axis=2)
    means = (sums.reshape(-1, 3)[used] / size**2).astype(np.float32)
    surface = _surfaces()[used]
    inner = surface.T @ surface + 1e-3 * np.eye(surface.shape[1], dtype=np.float32)
    left = means - surface @ np.linalg.solve(inner, surface.T @ means)
    low, high = np.percentile(left, _SPREAD, axis=0)
    return float((high - low).max())


@cache
def _surfaces() -> Floats:
    """1, x, y, x², y², xy over the cells: float32[784, 6]."""
    y, x = np.mgrid[:_CELLS, :_CELLS] / (_CELLS - 1) - 0.5
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6).astype(np.float32)


def _half(image: Floats) -> Floats:
    """Means of 2 x 2 pixels."""
    return (image[0::2, 0::2] + image[1::2, 0::2] + image[0::2, 1::2] + image[1::2, 1::2]) * np.float32(0.25)


def _all_of(mask: Mask, size: int) -> Mask:
    """Which squares of size x size pixels are true throughout."""
    rows, columns = (length // size for length in mask.shape)
    return np.asarray(mask.reshape(rows, size, columns, size).all(axis=(1, 3)))


def _energy(image: Floats, used: Mask) -> float:
    """Mean square of the Laplacian where it and its four neighbours are used; 0 where that is nowhere."""
    middle, up, down, left, right = (
        (slice(1, -1), slice(1, -1)),
        (slice(None, -2), slice(1, -1)),
        (slice(2, None), slice(1, -1)),
        (slice(1, -1), slice(None, -2)),
        (slice(1, -1), slice(2, None)),
    )
    laplacian = 4 * image[middle] - image[up] - image[down] - image[left] - image[right]
    seen = used[middle] & used[up] & used[down] & used[left] & used[right]
    return float(np.mean(laplacian[seen] ** 2)) if seen.any() else 0.0


def _highest(image: Bytes, width: int) -> Bytes:
    """The highest value in a square of width x width around each pixel, width odd."""
    for axis in (0, 1):
        reach = [(0, 0), (0, 0)]
        reach[axis] = (width // 2, width // 2)
        image = np.moveaxis(np.pad(image, reach, mode="edge"), axis, 0)
        done = 1
        while done < width:
            step = min(done, width - done)
            image = np.maximum(image[:-step], image[step:])
            done += step
        image = np.moveaxis(image, 0, axis)
    return image
