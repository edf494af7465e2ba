"""Pillow's part: the pixels of a container, whose structure was checked before."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from dermoscopy.containers.container import Container
from dermoscopy.errors import CorruptImage

# The plugins are named here instead of asking `Image.open`, which would consult, and warn by, the global state of
# Pillow.
_PLUGINS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "JPEG2000": Jpeg2KImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
}

_BAND_PIXELS = 1_000_000
_AT_ONCE = 4_000_000
"""Bytes that a decoder is given at once. With Pillow's own 65,536 it lets go of Python's lock, and waits for it again,
a few times for a usual file: with 16 clients that cost 5 % of all images."""
# What Pillow raises about damaged files. MemoryError is not among them: it says nothing about the file.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, struct.error)


class _Watched(BytesIO):
    """A stream that notices whether its last bytes were asked for; no read takes them along with what is before."""

    def __init__(self, stream: bytes, tail: int) -> None:
        super().__init__(stream)
        self._begin = len(stream) - tail
        self.reached = False

    def read(self, size: int | None = -1, /) -> bytes:
        left = self._begin - self.tell()
        self.reached = self.reached or left <= 0
        if left > 0:
            size = left if size is None or size < 0 else min(size, left)
        return super().read(size)


def load(container: Container, enough: int | None = None) -> Image.Image:
    """Decode the pixels of a container; Pillow sees a stream without metadata, and only as what was recognised.

    Args:
        container: Of a file that was inspected.
        enough: A JPEG may be decoded at a half, a quarter or an eighth as long as both sides keep this many pixels.

    Raises:
        CorruptImage: They cannot be decoded, a part of them is missing, or there are more than there should be.
    """
    image = _load(container, container.stream, enough)
    if container.witness is not None and not _same_pixels(image, _load(container, container.witness, enough)):
        raise CorruptImage("The image is damaged or incomplete: a part of the picture is missing.")
    if container.colours is not None and any(image.histogram()[container.colours :]):
        # Pillow would show them black.
        raise CorruptImage("The image is damaged: its pixels have colours that its palette lacks.")
    return image


def _load(container: Container, stream: bytes, enough: int | None) -> Image.Image:
    file = _Watched(stream, container.tail)
    try:
        image = _PLUGINS[container.format](file)
        if image.size != (container.width, container.height):
            raise CorruptImage("The image declares two different sizes.")
        if enough is not None:
            image.draft(None, (enough, enough))
        image.decodermaxblock = min(max(len(stream), 1), _AT_ONCE)
        image.load()
    except _PILLOW_ERRORS:
        # The text of the cause may quote the file.
        raise CorruptImage("The image is damaged or incomplete: its pixels cannot be decoded.") from None
    if container.tail and not file.reached:
        raise CorruptImage("The image is damaged: it holds more than its picture.")
    return image


def _same_pixels(one: Image.Image, other: Image.Image) -> bool:
    """Compare in bands of rows: the bytes of a whole picture would be as large as the picture again."""
    width, height = one.size
    rows = max(1, _BAND_PIXELS // width)
    bands = [(0, top, width, min(top + rows, height)) for top in range(0, height, rows)]
    return one.size == other.size and all(one.crop(band).tobytes() == other.crop(band).tobytes() for band in bands)
