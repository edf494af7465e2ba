"""From the bytes of an image file to one upright RGB picture, bounded and checked."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from dermoscopy.colour import to_srgb
from dermoscopy.containers import bmp, jpeg, png, tiff, webp
from dermoscopy.containers.container import Container
from dermoscopy.dicom import photograph
from dermoscopy.dicom.photograph import Photograph
from dermoscopy.errors import NoSuchFrame, UnsupportedImageType
from dermoscopy.limits import Limits
from dermoscopy.load import load

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


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS, frame: int | None = None) -> Container | Photograph:
    """Recognise a file by its content and check its structure; no pixel is decoded.

    Args:
        data: The file.
        limits: Bounds on bytes and pixels.
        frame: Of a DICOM object, from 1.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    limits.check_bytes(len(data))
    # First: its preamble may be the beginning of another kind of file.
    if photograph.matches(data):
        return photograph.inspect(data, limits, frame)
    if frame is not None:
        raise NoSuchFrame("The file is no DICOM object: it has no frames to choose from.")
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
    raise UnsupportedImageType("The bytes are not a JPEG, PNG, TIFF, WebP, BMP or DICOM image.")


def decode(
    data: bytes, *, limits: Limits = DEFAULT_LIMITS, enough: int | None = None, frame: int | None = None
) -> Decoded:
    """Decode one image file.

    Args:
        data: The file: JPEG, PNG, TIFF, WebP, BMP or DICOM, recognised by its content.
        limits: Bounds on bytes and pixels, checked before a pixel is allocated.
        enough: A JPEG may be decoded at a half, a quarter or an eighth as long as both sides keep at least this many
            pixels. None decodes at full size.
        frame: Of a DICOM object, from 1; needed where there are several.

    Returns:
        The picture in RGB (sRGB), upright, transparent parts on white.

    Raises:
        ImageError: As listed in `dermoscopy.errors`.
    """
    found = inspect(data, limits, frame)
    if isinstance(found, Photograph):
        image = to_srgb(photograph.show(found, enough), found.icc_profile)
        return Decoded(image, photograph.MEDIA_TYPE, found.header.columns, found.header.rows)
    image = to_srgb(load(found, enough), found.icc_profile)
    if found.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[found.orientation])
    width, height = found.upright_size
    return Decoded(image, found.media_type, width, height)
