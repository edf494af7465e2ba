"""From the bytes of an image file to one upright RGB picture, bounded and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from dermoscopy.colour import to_srgb
from dermoscopy.containers import jpeg, png
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

_READERS: tuple[tuple[bytes, Callable[[bytes, Limits], Container]], ...] = (
    (jpeg.MAGIC, jpeg.inspect),
    (png.MAGIC, png.inspect),
)


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
    for magic, reader in _READERS:
        if data.startswith(magic):
            return reader(data, limits)
    raise UnsupportedImageType("The bytes are not a JPEG, PNG, TIFF, WebP or BMP image.")


def _load(container: Container, enough: int | None) -> Image.Image:
    """Let Pillow decode the pixels; it sees the stream without metadata, and only as the format that was recognised."""
    try:
        image = Image.open(BytesIO(container.stream), formats=[container.format])
        if image.size != (container.width, container.height):
            raise CorruptImage("The image declares two different sizes.")
        if enough is not None:
            image.draft(None, (enough, enough))
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError):
        # The text of the cause may quote the file.
        raise CorruptImage("The image is damaged or incomplete: its pixels cannot be decoded.") from None
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
    image = to_srgb(_load(container, enough), container.icc_profile)
    if container.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[container.orientation])
    width, height = container.upright_size
    return Decoded(image, container.media_type, width, height)
