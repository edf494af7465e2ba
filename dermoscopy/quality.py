"""Whether a picture is fit to be looked at: sharpness, light, size, hair, glare, and whether anything is there.

Simple measures on the prepared square, about 0.5 ms together, so that they cost little throughput: in whole numbers
where it can be, and in few passes, since each lets go of Python's lock and must wait for it again. What is acceptable
is no matter of this file: every version has its own limits, chosen on images that it must not turn away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.cells import cells_of, contrast, redness
from dermoscopy.filters import FRAME_LUMA, Mask, all_of
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
_COARSE = SIDE // 8
_FRAME = int(FRAME_LUMA)


@dataclass(frozen=True)
class Measures:
    """What can be said of a picture without knowing what it shows.

    Attributes:
        sharpness: See `sharpness`.
        light: Brightness, 0 to 255, that nine tenths of the picture do not exceed, its dark frame left out.
        whiteness: Brightness, 0 to 255, that half of the picture exceeds, its dark frame left out.
        side: Pixels of the file's shorter side.
        hair: See `hair_share`; not a number where nobody asked for it.
        glare: Share of the picture, 0 to 1, that is white.
        contrast: See `cells.contrast`.
        colour: See `colour`.
        redness: See `cells.redness`.
        elongation: How many times the file's longer side is as long as its shorter one.
    """

    sharpness: float
    light: float
    whiteness: float
    side: float
    hair: float
    glare: float
    contrast: float
    colour: float
    redness: float
    elongation: float


def measure(prepared: Prepared, *, hair: bool = True) -> Measures:
    """The measures of an image as `dermoscopy.prepare` gives it; see `measure_pixels`."""
    shorter, longer = sorted((prepared.width, prepared.height))
    return measure_pixels(prepared.pixels, shorter, longer / shorter, hair=hair)


def measure_pixels(pixels: Pixels, side: int, elongation: float = 1.0, *, hair: bool = True) -> Measures:
    """The measures.

    Args:
        pixels: uint8[224, 224, 3], RGB.
        side: Pixels of the shorter side of the file that they are from.
        elongation: How many times its longer side is as long.
        hair: Whether to measure hair, too: the passes over the picture for it take a fifth of the time of all.
    """
    luma = brightness(pixels)
    levels = np.array(Image.fromarray(luma).histogram())
    # What is white in every channel is so in brightness, of which it is known now whether anything is.
    glare = _glare(pixels, luma) if levels[WHITE:].any() else 0.0
    lit = None
    if levels[:_FRAME].any() and levels[_FRAME:].sum() >= _LEAST_LIT:
        lit = luma >= _FRAME
        levels[:_FRAME] = 0
    counted = np.cumsum(levels)
    cells = cells_of(pixels, lit)
    whiteness, light = np.searchsorted(counted, np.array((0.5, 0.9)) * counted[-1])
    return Measures(
        sharpness=sharpness(luma, lit),
        light=float(light),
        whiteness=float(whiteness),
        side=float(side),
        hair=hair_share(luma) if hair else math.nan,
        glare=glare,
        contrast=contrast(cells),
        colour=colour(pixels),
        redness=redness(cells),
        elongation=elongation,
    )


def brightness(pixels: Pixels) -> Bytes:
    """Luma (ITU-R BT.601) in whole numbers: uint8[h, w] of uint8[h, w, 3]."""
    summed = np.multiply(pixels[..., 0], 77, dtype=np.uint16)
    for channel, weight in ((1, 150), (2, 29)):
        summed += np.multiply(pixels[..., channel], weight, dtype=np.uint16)
    return (summed >> 8).astype(np.uint8)


def sharpness(luma: Bytes, lit: Mask | None = None) -> float:
    """Contrast of detail 4 pixels wide relative to detail 16 pixels wide, of 224.

    About 0.7 in a sharp picture, whatever its contrast: blur takes fine detail away long before coarse detail
    (Gaussian: by exp(-2 pi² sigma² f²)). Detail is the Laplacian of the picture at a half and at an eighth of its size,
    so neither the noise of single pixels nor that of a JPEG counts as sharpness.

    Args:
        luma: uint8[224, 224].
        lit: bool[224, 224], what is not the instrument's dark frame, whose edge would be sharp in any picture; None if
            there is none.
    """
    pairs = np.add(luma[0::2], luma[1::2], dtype=np.int16)
    fine = pairs[:, 0::2] + pairs[:, 1::2]
    coarse = fine.reshape(_COARSE, 4, -1).sum(axis=1, dtype=np.int32).reshape(_COARSE, _COARSE, 4).sum(axis=2)
    detail = _energy(fine, None if lit is None else all_of(lit, 2)) / 4**2
    structure = _energy(coarse, None if lit is None else all_of(lit, 8)) / 64**2
    return float(np.sqrt(max(detail - _LEAST_ENERGY, 0.0) / (structure + _LEAST_ENERGY)))


def hair_share(luma: Bytes) -> float:
    """Share of the picture, 0 to 1, that lies in dark lines: what a morphological closing fills up.

    It sees hair, ink and broad pigment network alike; only where lines cover much of the picture are they hair.
    """
    filled = _extreme(_extreme(luma, HAIR_WIDTH, np.maximum, 0), HAIR_WIDTH, np.minimum, 255)
    return float(np.count_nonzero(filled - luma > HAIR_CONTRAST) / luma.size)


def colour(pixels: Pixels) -> float:
    """Grey levels by which the strongest of the three channels exceeds the weakest, on average over every fourth pixel.

    0 in a grey picture. Of 2,229 photographs of lesions the palest, of a sole, has 2.4.
    """
    red, green, blue = (pixels[::4, ::4, channel] for channel in range(3))
    strongest, weakest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return float((strongest - weakest).mean())


def _glare(pixels: Pixels, luma: Bytes) -> float:
    bright = pixels[luma >= WHITE] >= WHITE
    return float(np.count_nonzero(bright[:, 0] & bright[:, 1] & bright[:, 2]) / luma.size)


def _energy(image: NDArray[np.signedinteger], used: Mask | None) -> float:
    """Mean square of the Laplacian where it and its four neighbours are used; 0 where that is nowhere."""
    middle, up, down, left, right = (
        (slice(1, -1), slice(1, -1)),
        (slice(None, -2), slice(1, -1)),
        (slice(2, None), slice(1, -1)),
        (slice(1, -1), slice(None, -2)),
        (slice(1, -1), slice(2, None)),
    )
    laplacian = image[up] + image[down]
    laplacian += image[left]
    laplacian += image[right]
    laplacian -= 4 * image[middle]
    count = laplacian.size
    if used is not None:
        seen = used[middle] & used[up] & used[down] & used[left] & used[right]
        count = int(np.count_nonzero(seen))
        laplacian *= seen
    single = laplacian.astype(np.float32).ravel()
    # The fastest sum of squares that is NumPy's own: threads of OpenBLAS would spin on the other processors.
    return float(np.einsum("i,i->", single, single)) / count if count else 0.0


def _extreme(image: Bytes, width: int, of: np.ufunc, outside: int) -> Bytes:
    """The extreme value in a square of width x width around each pixel, width odd.

    Args:
        image: uint8[h, w].
        width: Of the square.
        of: `np.maximum` or `np.minimum`.
        outside: What is around the picture: a value that never is the extreme one.
    """
    reach = width // 2
    padded = np.full((image.shape[0] + 2 * reach, image.shape[1] + 2 * reach), outside, np.uint8)
    padded[reach:-reach, reach:-reach] = image
    done = 1
    while done < width:
        step = min(done, width - done)
        padded = of(padded[:-step], padded[step:])
        padded = of(padded[:, :-step], padded[:, step:])
        done += step
    return padded
