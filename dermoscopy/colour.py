"""From whatever a file holds to 8-bit sRGB without transparency."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from dermoscopy.containers.container import MOST_PROFILE_BYTES
from dermoscopy.errors import CorruptImage, UnsupportedImageType

# Colour space in the header of an ICC profile (ICC.1:2022 section 7.2.6) -> the modes whose pixels it can describe.
_PROFILE_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_PLAIN_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "CMYK": "CMYK"}
# X, Y and Z of the colorants of Display P3, adapted to D50 as profiles have them (Bradford). Its red is at x 0.680 and
# y 0.320, its green at 0.265 and 0.690, its blue at 0.150 and 0.060, its white D65.
_DISPLAY_P3 = {
    b"rXYZ": (0.51512, 0.24120, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.15710, 0.06657, 0.78407)
}  # fmt: skip
# The same of Adobe RGB (1998), sections 4.3.1 and 4.3.5, whose values are powers of the light.
_ADOBE_RGB = {
    b"rXYZ": (0.60974, 0.31111, 0.01947), b"gXYZ": (0.20528, 0.62567, 0.06087), b"bXYZ": (0.14919, 0.06322, 0.74457)
}  # fmt: skip
_ADOBE_RGB_GAMMA = 2.19921875
_CURVES = frozenset({b"rTRC", b"gTRC", b"bTRC"})
_BAND_PIXELS = 4_000_000
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
        return image.convert(image.mode.removesuffix("A")), image.getchannel("A")
    if image.mode not in _PLAIN_MODES:
        raise UnsupportedImageType("The image stores its colours in a way that is not read here.")
    plain = _PLAIN_MODES[image.mode]
    return image if image.mode == plain else image.convert(plain), None


def _profile_transform(profile: bytes) -> ImageCms.ImageCmsTransform:
    """Build the conversion from an ICC profile to sRGB, perceptual intent.

    A profile that cannot be used is an error and never ignored: without it the colours are unknown, and colour is what
    a lesion is judged by.
    """
    mode = _PROFILE_MODES.get(profile[16:20])
    if mode is None or len(profile) > MOST_PROFILE_BYTES:
        raise CorruptImage("The embedded colour profile is not one of a photograph.")
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        raise CorruptImage("The embedded colour profile cannot be read.") from None


def display_p3_profile() -> bytes:
    """An ICC profile of Display P3, which is that of sRGB with other colorants."""
    return _changed_srgb(_DISPLAY_P3)


def adobe_rgb_profile() -> bytes:
    """An ICC profile of Adobe RGB (1998)."""
    return _changed_srgb(_ADOBE_RGB, _ADOBE_RGB_GAMMA)


def _changed_srgb(colorants: Mapping[bytes, tuple[float, float, float]], gamma: float | None = None) -> bytes:
    """The ICC profile of sRGB with other colorants and, if `gamma` is given, with that power instead of its curve."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # ICC.1:2022 section 7.3: name, place and size of each tag; section 10.31: values of 1/65536 behind 8 bytes.
    for entry in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12):
        name, place, _ = struct.unpack_from(">4sII", profile, entry)
        if name in colorants:
            struct.pack_into(">3i", profile, place + 8, *(round(value * 65_536) for value in colorants[name]))
        elif name in _CURVES and gamma is not None:
            # Section 10.18: the kind of curve that is a power alone, and the power; the rest of the tag is not read.
            struct.pack_into(">HHi", profile, place + 8, 0, 0, round(gamma * 65_536))
    return bytes(profile)


def _to_rgb(colours: Image.Image, transform: ImageCms.ImageCmsTransform | None) -> Image.Image:
    if transform is None:
        return colours if colours.mode == "RGB" else colours.convert("RGB")
    if transform.input_mode == "RGB" and colours.mode == "L":
        # Programs that turn a photograph grey leave its RGB profile in place; equal channels are what they mean.
        colours = colours.convert("RGB")
    if colours.mode != transform.input_mode:
        raise CorruptImage("The embedded colour profile does not fit the image.")
    return transform.apply(colours)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a decoded picture to RGB in the sRGB colour space, transparent parts on white.

    Large pictures are converted in bands of rows, so that only the source and the result are in memory at full size.

    Args:
        image: Loaded, any mode of Pillow.
        profile: The ICC profile; without one the colours count as sRGB.

    Returns:
        Mode RGB, the same size; `image` itself if nothing has to change.

    Raises:
        CorruptImage: The profile cannot be used, or every pixel is transparent.
        UnsupportedImageType: The mode has no sure meaning in 8 bits (32-bit, floating point, LAB).
    """
    if profile is None and image.mode == "RGB" and "transparency" not in image.info:
        return image
    transform = _profile_transform(profile) if profile is not None else None
    width, height = image.size
    rows = max(1, _BAND_PIXELS // width)
    result = None if rows >= height else Image.new("RGB", image.size)
    opaque = False
    for top in range(0, height, rows):
        band = image if result is None else image.crop((0, top, width, min(top + rows, height)))
        colours, alpha = _split_alpha(band)
        rgb = _to_rgb(colours, transform)
        opaque = opaque or alpha is None or alpha.getextrema()[1] != 0
        if alpha is not None:
            rgb = Image.composite(rgb, Image.new("RGB", rgb.size, _PAPER), alpha)
        if result is None:
            result = rgb
        else:
            result.paste(rgb, (0, top))
    if result is None or not opaque:
        raise CorruptImage("The image shows nothing: every pixel is transparent.")
    return result
