"""What every reader of a file format hands over: the declared facts, and the bytes that Pillow may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_PROFILE_BYTES = 8_000_000
"""Colour profiles of printers reach about 4 MB."""


@dataclass(frozen=True)
class Container:
    """An image file whose structure was checked from end to end, with its metadata taken out.

    Attributes:
        format: The name of the format in Pillow.
        media_type: The registered media type of the format.
        width: Stored width in pixels, before `orientation` is applied.
        height: Stored height in pixels, before `orientation` is applied.
        stream: A file with the same pixels and none of the metadata. Pillow gets this and not the original, so that
            hostile metadata never reaches its parsers (which warn, and may inflate it).
        orientation: EXIF orientation, 1 to 8; 1 is upright.
        icc_profile: The embedded colour profile, if there is one.
        witness: A second stream that decodes to the same pixels if, and only if, the first one is whole. Set where
            the decoder itself does not tell.
        tail: How many bytes at the end of `stream` are needed for the last pixels. A decoder that is done before it
            asked for them was given more than the picture. 0 if that is not known.
        colours: How many the palette has, if the pixels could name more.
    """

    format: Literal["JPEG", "JPEG2000", "PNG", "TIFF", "WEBP", "BMP"]
    media_type: str
    width: int
    height: int
    stream: bytes
    orientation: int = 1
    icc_profile: bytes | None = None
    witness: bytes | None = None
    tail: int = 0
    colours: int | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in pixels after `orientation` is applied (5 to 8 swap them)."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)
