"""The explanation of a decision as a picture to lay over the image."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model_store.explanation import evidence

LONGEST_SIDE = 256
"""The map has five places in a line: more pixels would show nothing more, and cost more than the classification."""

# One hue that neither skin nor pigment has; how much evidence there is, opacity alone says.
HUE = (0, 90, 255)
MOST_OPAQUE = 170
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
    opacity = (evidence(activation_map, rows, columns) * MOST_OPAQUE).astype(np.uint8)
    overlay = Image.fromarray(opacity)
    overlay.putpalette(HUE * len(_OPACITIES))
    file = io.BytesIO()
    overlay.save(file, "PNG", transparency=_OPACITIES, compress_level=_FASTEST)
    return base64.b64encode(file.getvalue()).decode("ascii")
