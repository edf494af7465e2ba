"""The images of the load: rendered, as the repository ships no photograph, and as large as a camera would make them."""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from PIL import Image

from dermoscopy.render import render_lesion

SIZES = {"1022x767": (1022, 767), "224x224": (224, 224), "3072x2304": (3072, 2304)}
USUAL = "1022x767"

_BYTES_OF_THE_USUAL = 190_000
_BYTES_OF_A_PIXEL = _BYTES_OF_THE_USUAL / (1022 * 767)
_RENDERED_SIDE = 1022
_GREY_LEVELS_OF_GRAIN = 6.0
_MIXED_SIZES = ((224, 224), (600, 450), (1022, 767))
_QUALITIES = (75, 99)
_SHIFT_ROWS = 13
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class ImageFile:
    """An image as a client sends it."""

    data: bytes
    media_type: str = "image/jpeg"


def photographs() -> dict[str, ImageFile]:
    """The same lesion at every size: "1022x767" and so on. All have as many bytes per pixel, so that each costs a
    decoder what a photograph of its size does.
    """
    rendered = Image.fromarray(render_lesion(7, side=_RENDERED_SIDE, malignancy=0.8))
    height = SIZES[USUAL][1]
    top = (_RENDERED_SIDE - height) // 2
    usual = rendered.crop((0, top, _RENDERED_SIDE, top + height))
    return {name: ImageFile(_photograph(usual, size)) for name, size in SIZES.items()}


def various(count: int) -> Iterator[ImageFile]:
    """Different lesions, as JPEG and PNG and of different sizes.

    Args:
        count: How many.
    """
    for seed, size, png in zip(range(count), cycle(_MIXED_SIZES), cycle([False, False, False, True]), strict=False):
        picture = Image.fromarray(render_lesion(seed, malignancy=(seed % 11) / 10)).resize(
            size, Image.Resampling.BICUBIC
        )
        file = io.BytesIO()
        picture.save(file, "PNG" if png else "JPEG", quality=92)
        yield ImageFile(file.getvalue(), "image/png" if png else "image/jpeg")


def distinct(count: int) -> Iterator[bytes]:
    """Different JPEGs of the usual size and of about as many bytes: one lesion, shifted further from file to file.

    Rendering a lesion for each would take longer than what is measured with them.

    Args:
        count: How many, at most as many as there are pixels.
    """
    with Image.open(io.BytesIO(photographs()[USUAL].data)) as picture:
        pixels, quality = np.asarray(picture), _quality(picture, _BYTES_OF_THE_USUAL)
    height, width = pixels.shape[:2]
    for number in range(count):
        shift = (number * _SHIFT_ROWS % height, number % width)
        yield _jpeg(Image.fromarray(np.roll(pixels, shift, axis=(0, 1))), quality)


def _photograph(picture: Image.Image, size: tuple[int, int]) -> bytes:
    """A JPEG of about so many bytes as a photograph of that size has."""
    if picture.size[0] < size[0]:
        picture = _with_grain(picture.resize(size, Image.Resampling.BICUBIC))
    elif picture.size != size:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    return _jpeg(picture, _quality(picture, _BYTES_OF_A_PIXEL * size[0] * size[1]))


def _quality(picture: Image.Image, wanted: float) -> int:
    """The quality at which a JPEG comes nearest to so many bytes."""
    # Bytes grow with the quality, so halving the interval finds the lowest quality that has enough of them.
    enough = bisect_left(range(_QUALITIES[1]), wanted, lo=_QUALITIES[0], key=lambda tried: len(_jpeg(picture, tried)))
    return min((enough - 1, enough), key=lambda tried: abs(len(_jpeg(picture, tried)) - wanted))


def _with_grain(picture: Image.Image) -> Image.Image:
    """Enlarging leaves nothing fine in a picture, which no sensor does, and JPEG would make almost nothing of it."""
    pixels = np.asarray(picture, np.float32)
    grain = np.random.default_rng(0).normal(0.0, _GREY_LEVELS_OF_GRAIN, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = 1  # cameras write it
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, exif=exif)
    return file.getvalue()
