"""Hairs: where they cross a picture, and the picture without them.

As the literature does it: derivatives of Gaussians on the blue channel, where melanin and hair are darkest against skin
(Abbas 2011, doi 10.1016/j.bspc.2011.01.003), Otsu's threshold, and inpainting from what is beside the hair. A hair is a
dark line, so brightness must fall on one side of it and rise on the other: the border of a lesion does only one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dermoscopy.filters import Bank, Floats, Mask, blur, dilated, otsu

ORIENTATIONS = 12
HALF_WIDTHS = (1.0, 2.0)
"""Of the lines that are looked for, in pixels."""
LEAST_CONTRAST = 7.0
"""Grey levels by which a line is at least darker than both its sides; noise and pigment network mostly stay below."""
_SIGMA = 1.0
_ALONG = 5.0
"""Standard deviation in pixels along the line: shorter ones are no hair."""
_REACH = 15
_FILL_SIGMAS = (2.0, 8.0)


@cache
def _kernels(orientation: int, half_width: float) -> tuple[Floats, Floats]:
    """What measures, at a line's two edges, how far brightness falls towards its middle: float32[31, 31] each."""
    angle = np.pi * orientation / ORIENTATIONS
    y, x = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1].astype(np.float64)
    across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    length = np.exp(-0.5 * (along / _ALONG) ** 2)

    def edge(place: float, sign: float) -> Floats:
        away = across - place
        kernel = sign * away * np.exp(-0.5 * (away / _SIGMA) ** 2) * length
        # A step of one grey level shall give one.
        return np.asarray(2 * kernel / np.abs(kernel).sum(), np.float32)

    return edge(-half_width, -1.0), edge(half_width, 1.0)


def line_contrast(pixels: NDArray[np.uint8]) -> Floats:
    """By how many grey levels each place is a dark line: float32[h, w], not negative.

    Args:
        pixels: uint8[h, w, 3], at least 16 pixels high and wide.
    """
    bank = Bank(pixels[..., 2].astype(np.float32), _REACH)
    found = np.zeros(pixels.shape[:2], np.float32)
    for orientation in range(ORIENTATIONS):
        for half_width in HALF_WIDTHS:
            one, other = _kernels(orientation, half_width)
            found = np.maximum(found, np.minimum(bank.correlate(one), bank.correlate(other)))
    return found


def hair_mask(pixels: NDArray[np.uint8]) -> Mask:
    """Where hairs are: bool[h, w].

    Args:
        pixels: uint8[h, w, 3], RGB, at least 16 pixels high and wide.
    """
    contrast = line_contrast(pixels)
    lines = contrast > max(LEAST_CONTRAST, otsu(contrast) if np.ptp(contrast) > 0 else 0.0)
    return dilated(lines, round(max(HALF_WIDTHS)))


def remove_hair(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with what is beside the hairs in their place.

    Args:
        pixels: uint8[h, w, 3], RGB, at least 16 pixels high and wide.

    Returns:
        uint8[h, w, 3]; what is no hair is unchanged.
    """
    hairs = hair_mask(pixels)
    if not hairs.any() or hairs.all():
        return pixels
    filled = pixels.astype(np.float32)
    near, far = (_from_beside(filled, ~hairs, sigma) for sigma in _FILL_SIGMAS)
    # Amid a tuft nothing is near.
    filled[hairs] = np.where(np.isfinite(near), near, far)[hairs]
    return np.where(np.isfinite(filled), np.rint(np.clip(filled, 0, 255)), pixels).astype(np.uint8)


def _from_beside(image: Floats, known: Mask, sigma: float) -> Floats:
    """The mean of the known pixels around each place, weighted by nearness; NaN where hardly any is near."""
    weight = blur(known.astype(np.float32), sigma)
    channels = [blur(np.where(known, image[..., channel], np.float32(0)), sigma) for channel in range(3)]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.stack(channels, axis=-1) / weight[..., None]
    return np.asarray(np.where(weight[..., None] > 0.02, found, np.nan), np.float32)
