"""From the bytes of an image file to one upright RGB picture, bounded and checked."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from dermoscopy.colour import to_srgb
from dermoscopy.containers import bmp, jpeg, png, tiff, webp
from dermoscopy.containers.container import Container
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits

DEFAULT_LIMITS = Limits()

# EXIF 2.32 section 4.6.4: what turns the stored picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The plugins are named here instead of asking `Image.open`, which would consult, and warn by, the global state of
# Pillow.
_PLUGINS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
}

_BAND_PIXELS = 1_000_000
# What Pillow raises about damaged files. MemoryError is not among them: it says nothing about the file.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error)


@dataclass(frozen=True)
class Decoded:
    """One picture.

    Attributes:
        image: Mode RGB in sRGB, upright, perhaps scaled down.
        media_type: What the bytes are, whatever the sender called them.
        width: Width in pixels of the file's own picture after orientation is applied, before any scaling.
        height: Its height in pixels.
    """

    image: Image.Image
    media_type: str
    width: int
    height: int


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Container:
    """Recognise a file by its content and check its structure; no pixel is decoded.

    Args:
        data: The file.
        limits: Bounds on bytes and pixels.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    limits.check_bytes(len(data))
    if data.startswith(jpeg.MAGIC):
        return jpeg.inspect(data, limits)
    if data.startswith(png.MAGIC):
        return png.inspect(data, limits)
    if data.startswith(tiff.MAGICS):
        return tiff.inspect(data, limits)
    if webp.matches(data):
        return webp.inspect(data, limits)
    if data.startswith(bmp.MAGIC):
        return bmp.inspect(data, limits)
    raise UnsupportedImageType("The bytes are not a JPEG, PNG, TIFF, WebP or BMP image.")


def _load(container: Container, stream: bytes, enough: int | None) -> Image.Image:
    """Let Pillow decode the pixels; it sees a stream without metadata, and only as the format that was recognised."""
    try:
        image = _PLUGINS[container.format](BytesIO(stream))
        if image.size != (container.width, container.height):
            raise CorruptImage("The image declares two different sizes.")
        if enough is not None:
            image.draft(None, (enough, enough))
        image.load()
    except _PILLOW_ERRORS:
        # The text of the cause may quote the file.
        raise CorruptImage("The image is damaged or incomplete: its pixels cannot be decoded.") from None
    return image


def _same_pixels(one: Image.Image, other: Image.Image) -> bool:
    """Compare in bands of rows: the bytes of a whole picture would be as large as the picture again."""
    width, height = one.size
    rows = max(1, _BAND_PIXELS // width)
    bands = [(0, top, width, min(top + rows, height)) for top in range(0, height, rows)]
    return one.size == other.size and all(one.crop(band).tobytes() == other.crop(band).tobytes() for band in bands)


def _load_whole(container: Container, enough: int | None) -> Image.Image:
    image = _load(container, container.stream, enough)
    if container.witness is not None and not _same_pixels(image, _load(container, container.witness, enough)):
        raise CorruptImage("The image is damaged or incomplete: a part of the picture is missing.")
    return image


def decode(data: bytes, *, limits: Limits = DEFAULT_LIMITS, enough: int | None = None) -> Decoded:
    """Decode one image file.

    Args:
        data: The file: JPEG, PNG, TIFF, WebP or BMP, recognised by its content.
        limits: Bounds on bytes and pixels, checked before a pixel is allocated.
        enough: A JPEG may be decoded at a half, a quarter or an eighth as long as both sides keep at least this many
            pixels. None decodes at full size.

    Returns:
        The picture in RGB (sRGB), upright, transparent parts on white.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    container = inspect(data, limits)
    image = to_srgb(_load_whole(container, enough), container.icc_profile)
    if container.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[container.orientation])
    width, height = container.upright_size
    return Decoded(image, container.media_type, width, height)
