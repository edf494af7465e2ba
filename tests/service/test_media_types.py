import pytest

from service.media_types import check_content_encoding, check_declared, essence
from service.problems import UnsupportedContentEncoding, UnsupportedMediaType


@pytest.mark.parametrize(
    "declared",
    [
        "image/jpeg",
        "image/jpg",
        "IMAGE/PNG",
        "image/tiff",
        "image/webp",
        "image/bmp; x=1",
        "application/octet-stream",
        "application/dicom",
        "application/dicom; transfer-syntax=*",
    ],
)
def test_types_that_are_read(declared: str) -> None:
    check_declared(declared)


@pytest.mark.parametrize(
    "declared",
    ["", "text/plain", "image/gif", "image/svg+xml", "image/heic", "image/", "application/json",
     "application/x-www-form-urlencoded", "multipart/mixed", "video/mp4"],
)  # fmt: skip
def test_types_that_are_not_read_are_told_what_is(declared: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="image/jpeg"):
        check_declared(declared)


def test_essence_is_the_type_without_parameters() -> None:
    assert essence(' Multipart/Form-Data ; boundary="a;b"') == "multipart/form-data"


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_bodies_that_are_not_compressed(encoding: str) -> None:
    check_content_encoding(encoding)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_bodies_that_are_compressed(encoding: str) -> None:
    with pytest.raises(UnsupportedContentEncoding):
        check_content_encoding(encoding)
