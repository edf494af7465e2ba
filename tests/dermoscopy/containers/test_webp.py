import numpy as np
import pytest
from PIL import Image

from dermoscopy.containers.webp import inspect, matches
from dermoscopy.decode import decode
from dermoscopy.errors import TooManyPixels
from dermoscopy.limits import Limits
from tests.dermoscopy.files import encode, exif, picture, riff, srgb_profile, valid_files, webp_chunk


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_facts_and_metadata_are_read(mode: str, lossless: bool) -> None:
    data = encode(picture(mode), "WEBP", lossless=lossless, exif=exif(5), icc_profile=srgb_profile())
    container = inspect(data, Limits())
    assert (container.format, container.media_type) == ("WEBP", "image/webp")
    assert (container.width, container.height, container.orientation) == (72, 56, 5)
    assert container.icc_profile == srgb_profile()
    assert b"maker" in data
    assert b"maker" not in container.stream


def test_transparency_survives_the_rewriting() -> None:
    image = picture("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    for options in ({"lossless": True, "exact": True}, {"quality": 100}):
        shown = np.asarray(decode(encode(image, "WEBP", **options)).image).astype(int)
        assert np.abs(shown - np.asarray(white.convert("RGB"))).mean() < 2


def test_a_thousand_chunks_are_read() -> None:
    lossy = webp_chunk(valid_files()["webp"][0], b"VP8 ")
    inspect(riff(*[(b"JUNK", b"")] * 999, (b"VP8 ", lossy)), Limits())


def test_a_pixel_counts_twice() -> None:
    data, _ = valid_files()["webp"]
    inspect(data, Limits(max_pixels=2 * 72 * 56))
    with pytest.raises(TooManyPixels):
        inspect(data, Limits(max_pixels=2 * 72 * 56 - 1))


def test_unknown_chunks_and_trailing_bytes_are_ignored() -> None:
    data, _ = valid_files()["webp"]
    lossy = webp_chunk(data, b"VP8 ")
    assert decode(riff((b"VP8 ", lossy), (b"XTRA", b"abc")) + b"tail").image.tobytes() == decode(data).image.tobytes()


def test_other_kinds_of_riff_do_not_match() -> None:
    assert matches(valid_files()["webp"][0])
    assert not matches(b"RIFF\x24\0\0\0WAVEfmt ")
    assert not matches(b"RIFF\x24\0\0\0AVI LIST")
