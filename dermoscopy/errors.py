"""What can be wrong with an image file.

ImageError
  x EmptyImage             no bytes at all
  x UnsupportedImageType   not a type, or not a variant of a type, that is read here
      x UnsupportedTransferSyntax   a DICOM object whose pixels are coded in a way that is not read
  x NotAPhotograph         a DICOM object of another kind: a CT, a report, a document
  x NoSuchFrame            the DICOM object has fewer frames, or the file is no DICOM object
  x TooManyBytes           the file is larger than the limit
  x TooManyPixels          the picture declares more pixels than the limit
  x ImageTooSmall          a side is shorter than the limit
  x AnimatedImage          more than one frame or page
  x CorruptImage           truncated, damaged, or it says one thing and holds another
      x ContradictoryColours        a DICOM object that calls its JPEG RGB, which does not say so

Every message is a sentence that may be shown to the client: it never holds bytes, metadata or the name of the file.
"""

from __future__ import annotations

from typing import ClassVar


class ImageError(Exception):
    """An image file that cannot be read. `code` is stable and meant for machines, `message` for people."""

    code: ClassVar[str] = "image_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class EmptyImage(ImageError):
    """There are no bytes."""

    code = "empty_image"


class UnsupportedImageType(ImageError):
    """The bytes are no type of image that is read here, or a variant of one whose colours have no sure meaning."""

    code = "unsupported_image_type"


class UnsupportedTransferSyntax(UnsupportedImageType):
    """The pixels of a DICOM object are coded in a way that is not read."""

    code = "unsupported_transfer_syntax"


class NotAPhotograph(ImageError):
    """A DICOM object whose SOP class is not that of a photograph."""

    code = "not_a_photograph"


class NoSuchFrame(ImageError):
    """The DICOM object has fewer frames than the one that was asked for, or the file is no DICOM object."""

    code = "no_such_frame"


class TooManyBytes(ImageError):
    """The file is larger than `Limits.max_bytes`."""

    code = "image_too_large"


class TooManyPixels(ImageError):
    """The picture declares more pixels than `Limits.max_pixels`."""

    code = "too_many_pixels"


class ImageTooSmall(ImageError):
    """A side of the picture is shorter than `Limits.min_side`."""

    code = "image_too_small"


class AnimatedImage(ImageError):
    """The file holds more than one frame or page, and nobody said which one is meant."""

    code = "animated_image"


class CorruptImage(ImageError):
    """The file is truncated or damaged, or its parts contradict each other."""

    code = "corrupt_image"


class ContradictoryColours(CorruptImage):
    """A DICOM object and the JPEG in it do not say the same of its colours; shown either way, they could be wrong."""

    code = "contradictory_colours"
