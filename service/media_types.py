"""Which declared types are read. What an image is, its bytes decide later."""

from service.problems import UnsupportedContentEncoding, UnsupportedMediaType

# The registered names, and the aliases that browsers and cameras' software send for them.
IMAGE_TYPES = frozenset(
    {
        "image/jpeg", "image/jpg", "image/pjpeg",
        "image/png", "image/x-png",
        "image/tiff",
        "image/webp",
        "image/bmp", "image/x-bmp", "image/x-ms-bmp",
        "application/dicom",
    }
)  # fmt: skip
UNDECLARED = "application/octet-stream"
FORM = "multipart/form-data"
READ = "image/jpeg, image/png, image/tiff, image/webp, image/bmp, application/dicom or application/octet-stream"


def essence(content_type: str) -> str:
    """The type without its parameters, in lower case: `Image/PNG; x=1` -> `image/png`."""
    return content_type.partition(";")[0].strip().lower()


def check_declared(content_type: str) -> None:
    """Checks the type that an image is declared to have.

    Raises:
        UnsupportedMediaType: It is not one that is read.
    """
    declared = essence(content_type)
    if declared not in IMAGE_TYPES and declared != UNDECLARED:
        raise UnsupportedMediaType(f"Send the image as {READ}, or in a form ({FORM}) as the field 'file'.")


def not_a_form() -> UnsupportedMediaType:
    """What to raise for a batch that comes as anything but a form."""
    return UnsupportedMediaType(f"Send the images of a batch in a form ({FORM}), each as a field 'files'.")


def check_content_encoding(encoding: str) -> None:
    """Checks that the body is not compressed.

    Raises:
        UnsupportedContentEncoding: It is.
    """
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedContentEncoding("Send the body without a Content-Encoding.")
