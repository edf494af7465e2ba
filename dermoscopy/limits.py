"""How large and how small a picture may be, checked before a pixel is allocated."""

from __future__ import annotations

from dataclasses import dataclass

from dermoscopy.errors import CorruptImage, EmptyImage, ImageTooSmall, TooManyBytes, TooManyPixels

# Above this Pillow warns of a decompression bomb (PIL.Image.MAX_IMAGE_PIXELS, its default in version 13). The limit
# here stays below, so that ours is the only check that ever speaks.
PILLOW_WARNS_ABOVE = 89_478_485


@dataclass(frozen=True)
class Limits:
    """Bounds on one image file.

    Attributes:
        max_bytes: Most bytes of the file.
        max_pixels: Most pixels (width x height) that the file may declare. Decoding takes at most about 10 bytes of
            memory per pixel (14 for a progressive JPEG at full size, 6 at a reduced scale).
        min_side: Shortest side in pixels; below 32 there is no lesion to see.

    Raises:
        ValueError: A limit is not positive, or `max_pixels` is beyond what Pillow decodes without a warning.
    """

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    min_side: int = 32

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.min_side) < 1:
            raise ValueError("limits must be positive")
        if self.max_pixels > PILLOW_WARNS_ABOVE:
            raise ValueError(f"max_pixels must be at most {PILLOW_WARNS_ABOVE}")

    def check_bytes(self, size: int) -> None:
        """Check the size of the file in bytes.

        Raises:
            EmptyImage: `size` is 0.
            TooManyBytes: `size` is above `max_bytes`.
        """
        if size == 0:
            raise EmptyImage("The image is empty: it has no bytes.")
        if size > self.max_bytes:
            raise TooManyBytes(f"The image is larger than {self.max_bytes} bytes.")

    def check_pixels(self, width: int, height: int, *, weight: int = 1) -> None:
        """Check the width and height that a file declares, in pixels.

        Args:
            width: In pixels.
            height: In pixels.
            weight: How many pixels each one counts for, where a format takes more memory than the others.

        Raises:
            CorruptImage: A side is not positive.
            TooManyPixels: There are more pixels than `max_pixels`.
            ImageTooSmall: A side is shorter than `min_side`.
        """
        if width < 1 or height < 1:
            raise CorruptImage("The image declares that it has no pixels.")
        most = self.max_pixels // weight
        if width * height > most:
            raise TooManyPixels(f"The image has more than {most} pixels.")
        if min(width, height) < self.min_side:
            raise ImageTooSmall(f"The image is shorter or narrower than {self.min_side} pixels.")
