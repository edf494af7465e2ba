"""From whatever a file holds to 8-bit sRGB without transparency."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from dermoscopy.errors import CorruptImage, UnsupportedImageType

# Colour space in the header of an ICC profile (ICC.1:2022 section 7.2.6) -> the modes whose pixels it can describe.
_PROFILE_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
# Profiles of printers reach about 4 MB.
_MOST_PROFILE_BYTES = 8_000_000
_PLAIN_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "CMYK": "CMYK"}
# What shines through transparent pixels. White is what a browser or a report shows behind a picture, so the reader saw
# it so; black would look like pigment.
_PAPER = (255, 255, 255)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits by its high byte, as Pillow's unpackers do for 16-bit RGB."""
    values = np.asarray(image, dtype=np.uint16)
    return Image.fromarray((values >> 8).astype(np.uint8))


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours as L, RGB or CMYK, and the transparency as L or None."""
    if image.mode.startswith("I;16"):
        return _eight_bits(image), None
    # Premultiplied grey with alpha, and one transparent grey or colour.
    if image.mode == "La" or (image.mode in {"1", "L"} and "transparency" in image.info):
        image = image.convert("LA")
    elif image.mode == "PA" or (image.mode in {"P", "RGB"} and "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode in {"LA", "RGBA"}:
        alpha = image.getchannel("A")
        return image.convert(image.mode.removesuffix("A")), None if alpha.getextrema()[0] == 255 else alpha
    if image.mode not in _PLAIN_MODES:
        raise UnsupportedImageType("The image stores its colours in a way that is not read here.")
    return image.convert(_PLAIN_MODES[image.mode]), None


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert colours from an ICC profile to sRGB, perceptual intent.

    A profile that cannot be used is an error and never ignored: without it the colours are unknown, and colour is what
    a lesion is judged by.
    """
    mode = _PROFILE_MODES.get(profile[16:20])
    if mode == "RGB" and image.mode == "L":
        # Programs that turn a photograph grey leave its RGB profile in place; equal channels are what they mean.
        image = image.convert("RGB")
    if image.mode != mode or len(profile) > _MOST_PROFILE_BYTES:
        raise CorruptImage("The embedded colour profile does not fit the image.")
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        return transform.apply(image)
    except (ImageCms.PyCMSError, OSError, ValueError):
        raise CorruptImage("The embedded colour profile cannot be read.") from None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a decoded picture to RGB in the sRGB colour space, transparent parts on white.

    Args:
        image: Loaded, any mode of Pillow.
        profile: The embedded ICC profile; without one the colours count as sRGB.

    Returns:
        Mode RGB, the same size.

    Raises:
        CorruptImage: The profile cannot be used, or every pixel is transparent.
        UnsupportedImageType: The mode has no sure meaning in 8 bits (32-bit, floating point, LAB).
    """
    colours, alpha = _split_alpha(image)
    if alpha is not None and alpha.getextrema()[1] == 0:
        raise CorruptImage("The image shows nothing: every pixel is transparent.")
    colours = _from_profile(colours, profile) if profile else colours.convert("RGB")
    if alpha is None:
        return colours
    return Image.composite(colours, Image.new("RGB", colours.size, _PAPER), alpha)
