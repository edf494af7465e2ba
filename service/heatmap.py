"""The explanation of a decision as a picture to lay over the image."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONGEST_SIDE = 256
"""The map has five places in a line: more pixels would show nothing more, and cost more than the classification."""

# One hue that neither skin nor pigment has; how much evidence there is, opacity alone says.
HUE = (0, 90, 255)
MOST_OPAQUE = 170
_SPREAD = 1.0
"""Standard deviation in places of the map. What a place answers to is Gaussian (Luo 2016, arXiv:1701.04128) and wider
than the place itself; drawn as no more than its own square, its evidence would often lie beside the lesion."""
_OPACITIES = bytes(range(MOST_OPAQUE + 1))
_FASTEST = 1


def heatmap_png(activation_map: NDArray[np.float32], width: int, height: int) -> str:
    """Draws where the network found evidence for malignancy.

    Args:
        activation_map: f32[rows, columns], row 0 at the top of the upright image; evidence against is negative.
        width: Width of the upright image in pixels.
        height: Its height.

    Returns:
        A PNG in base64: one hue in many opacities (a palette), the image's aspect ratio, longest side 256, opaque where
        the evidence is strongest and clear where there is none. Scaled to its own maximum: it compares places in one
        image, not images.
    """
    scale = LONGEST_SIDE / max(width, height)
    columns, rows = (max(1, round(side * scale)) for side in (width, height))
    places = np.maximum(activation_map.astype(np.float32), 0)
    evidence = _spread(places.shape[0], rows) @ places @ _spread(places.shape[1], columns).T
    strongest = float(evidence.max())
    if strongest > 0:
        evidence /= strongest
    opacity = (evidence * MOST_OPAQUE).astype(np.uint8)
    overlay = Image.fromarray(opacity)
    overlay.putpalette(HUE * len(_OPACITIES))
    file = io.BytesIO()
    overlay.save(file, "PNG", transparency=_OPACITIES, compress_level=_FASTEST)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _spread(places: int, pixels: int) -> NDArray[np.float32]:
    """How much of each place's evidence each pixel of a line gets: f32[pixels, places]."""
    away = (np.arange(pixels)[:, None] + 0.5) * places / pixels - (np.arange(places) + 0.5)
    return np.exp(-0.5 * (away / _SPREAD) ** 2).astype(np.float32)
