"""What a version's activation map says of each pixel: what the service draws, and what training hides to measure it."""

import numpy as np
from numpy.typing import NDArray

SPREAD = 1.0
"""Standard deviation in places of the map. What a place answers to is Gaussian (Luo 2016, arXiv:1701.04128) and wider
than the place itself; drawn as no more than its own square, its evidence would often lie beside the lesion."""


def evidence(activation_map: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """How much evidence for malignancy there is at each pixel.

    Args:
        activation_map: f32[places, places], row 0 at the top; evidence against is negative, and counts as none.
        rows: Height of the picture in pixels.
        columns: Its width.

    Returns:
        f32[rows, columns] from 0 to 1, relative to the strongest place of this picture: it compares places in one
        picture, not pictures. All zero where there is no evidence at all.
    """
    places = np.maximum(activation_map.astype(np.float32), 0)
    found: NDArray[np.float32] = _shares(places.shape[0], rows) @ places @ _shares(places.shape[1], columns).T
    strongest = float(found.max())
    return found / strongest if strongest > 0 else found


def _shares(places: int, pixels: int) -> NDArray[np.float32]:
    """How much of each place's evidence each pixel of a line gets: f32[pixels, places]."""
    away = (np.arange(pixels)[:, None] + 0.5) * places / pixels - (np.arange(places) + 0.5)
    return np.exp(-0.5 * (away / SPREAD) ** 2).astype(np.float32)
