"""The explanation of a decision as a picture to lay over the image."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LONGEST_SIDE = 512

# One hue that neither skin nor pigment has; how much evidence there is, opacity alone says.
HUE = (0, 90, 255)
MOST_OPAQUE = 170


def heatmap_png(activation_map: NDArray[np.float32], width: int, height: int) -> str:
    """Draws where the network found evidence for malignancy.

    Args:
        activation_map: f32[rows, columns], row 0 at the top of the upright image; evidence against is negative.
        width: Width of the upright image in pixels.
        height: Its height.

    Returns:
        A PNG in base64: RGBA, the image's aspect ratio, longest side 512, opaque where the evidence is strongest and
        clear where there is none. Scaled to its own maximum: it compares places in one image, not images.
    """
    evidence = np.maximum(activation_map.astype(np.float32), 0)
    strongest = float(evidence.max())
    if strongest > 0:
        evidence /= strongest
    scale = LONGEST_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smooth = Image.fromarray(evidence).resize(size, Image.Resampling.BICUBIC)
    opacity = (np.clip(np.asarray(smooth), 0, 1) * MOST_OPAQUE).astype(np.uint8)
    overlay = Image.new("RGBA", size, HUE)
    overlay.putalpha(Image.fromarray(opacity))
    file = io.BytesIO()
    overlay.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
