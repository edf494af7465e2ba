"""The one way from an image file to the array that a model sees; training and service both take it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.decode import DEFAULT_LIMITS, decode
from dermoscopy.limits import Limits

PREPROCESSING_VERSION = "1"
"""Changes whenever the same file would give other pixels; a model version names the one that it was trained with."""

SIDE = 224
"""Side of the square in pixels, MobileNet's native input."""

# A JPEG is decoded at a reduced scale down to 1.5 times the side: the resize then still averages over at least 1.5
# pixels, and the result stays within about one grey level (mean) of the full decode.
_ENOUGH = SIDE * 3 // 2


@dataclass(frozen=True)
class Prepared:
    """One model input.

    Attributes:
        pixels: uint8[224, 224, 3], RGB in sRGB, 0 to 255.
        media_type: What the bytes are, whatever the sender called them.
        width: Width in pixels of the file's own picture after orientation is applied.
        height: Its height in pixels.
    """

    pixels: NDArray[np.uint8]
    media_type: str
    width: int
    height: int


def resize(image: Image.Image) -> NDArray[np.uint8]:
    """Squash a whole picture to the model's square.

    Pillow's bilinear filter widens with the reduction, so every source pixel counts (antialiased). The aspect ratio is
    not kept: nothing at the border is cut away, and no border is invented.

    Args:
        image: Mode RGB, any size.

    Returns:
        uint8[224, 224, 3], RGB, writable and contiguous.
    """
    return np.array(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def prepare(data: bytes, *, limits: Limits = DEFAULT_LIMITS, frame: int | None = None) -> Prepared:
    """Decode an image file once and squash it to the model's square.

    Args:
        data: The file: JPEG, PNG, TIFF, WebP, BMP or DICOM, recognised by its content.
        limits: Bounds on bytes and pixels, checked before a pixel is allocated.
        frame: Of a DICOM object, from 1; needed where there are several.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    decoded = decode(data, limits=limits, enough=_ENOUGH, frame=frame)
    return Prepared(resize(decoded.image), decoded.media_type, decoded.width, decoded.height)
