import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.colour import display_p3_profile, to_srgb
from dermoscopy.containers.png import inspect
from dermoscopy.decode import decode
from dermoscopy.errors import CorruptImage, UnsupportedImageType
from dermoscopy.limits import Limits
from tests.dermoscopy.files import (
    chunk,
    encode,
    exif,
    picture,
    png,
    png_header,
    png_of,
    srgb_profile,
    swapped_profile,
    valid_files,
)

_WIDTH, _HEIGHT = 45, 37


def _image(channels: int) -> NDArray[np.uint8]:
    rows = np.arange(_HEIGHT * _WIDTH * channels, dtype=np.uint32) * 2654435761
    return (rows >> 24).astype(np.uint8).reshape(_HEIGHT, _WIDTH, channels)


def _adam7(image: NDArray[np.uint8]) -> Iterator[bytes]:
    for left, top, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
    ):  # fmt: skip
        yield from (row.tobytes() for row in image[top::down, left::across])


def test_facts_and_metadata_are_read() -> None:
    data = encode(picture(), "PNG", exif=exif(8), icc_profile=srgb_profile())
    container = inspect(data, Limits())
    assert (container.format, container.media_type) == ("PNG", "image/png")
    assert (container.width, container.height, container.orientation) == (72, 56, 8)
    assert container.icc_profile == srgb_profile()


def test_pixels_in_thousands_of_chunks_are_read() -> None:
    plain = valid_files()["png"][0]
    empty = chunk(b"IDAT", b"") * 19_990
    assert decode(plain[:33] + empty + plain[33:]).image == decode(plain).image


def test_pillow_sees_no_metadata() -> None:
    plain = valid_files()["png"][0]
    bomb = b"k\0\0" + zlib.compress(bytes(50_000_000), 9)
    data = plain[:33] + chunk(b"tEXt", b"Patient\0Jane Doe") + chunk(b"zTXt", bomb) + plain[33:]
    assert inspect(data, Limits()).stream == inspect(plain, Limits()).stream


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3)])
def test_interlaced_pictures(colour: int, channels: int) -> None:
    image = _image(channels)
    data = png_of(_adam7(image), _WIDTH, _HEIGHT, colour=colour, interlace=1)
    assert np.array_equal(np.asarray(decode(data).image), np.broadcast_to(image, (_HEIGHT, _WIDTH, 3)))


def test_16_bit_colours_are_scaled() -> None:
    image = _image(3)
    rows = (row.astype(">u2") * 257 for row in image)
    data = png_of([row.tobytes() for row in rows], _WIDTH, _HEIGHT, depth=16)
    assert np.array_equal(np.asarray(decode(data).image), image)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_shallow_grey_fills_the_range(depth: int) -> None:
    row = b"\xf0" * (_WIDTH * depth // 8 + 1)
    shown = np.asarray(decode(png_of([row] * _HEIGHT, _WIDTH, _HEIGHT, depth=depth, colour=0)).image)
    assert set(np.unique(shown)) == {0, 255}


def test_pixels_in_many_chunks() -> None:
    image = _image(3)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in image))
    parts = [(b"IDAT", packed[k : k + 100]) for k in range(0, len(packed), 100)]
    data = png(png_header(_WIDTH, _HEIGHT), *parts, (b"IDAT", b""), (b"IEND", b""))
    assert np.array_equal(np.asarray(decode(data).image), image)


@pytest.mark.parametrize("alpha", [0, 9, 10, 11, 255])
@pytest.mark.parametrize("first", [b"\0", b"\xff\0", b"\0\xff", b"\x80", b"\x80\0"])
def test_colours_of_a_palette_are_as_transparent_as_they_say_or_refused(first: bytes, alpha: int) -> None:
    """Pillow takes an alpha of 10 behind a single 0 for the end of a line."""
    opacities = first + bytes([alpha])
    try:
        shown = _indexed(_PALETTE, (b"tRNS", opacities), (b"IDAT", _INDICES))
    except UnsupportedImageType:
        assert alpha == 10
        return
    for index, opacity in enumerate(opacities):
        meant = np.frombuffer(_PALETTE[1], np.uint8)[3 * index : 3 * index + 3].astype(float)
        assert np.abs(shown[0, index] - (meant * opacity + 255 * (255 - opacity)) / 255).max() <= 1


_INDICES = zlib.compress(b"".join(b"\0" + bytes([0, 1, 2] * (_WIDTH // 3)) for _ in range(_HEIGHT)))
_PALETTE = (b"PLTE", bytes([200, 0, 0, 0, 200, 0, 0, 0, 200]))
_TRANSPARENT = (b"tRNS", b"\xff\xff\0")


def _indexed(*chunks: tuple[bytes, bytes]) -> NDArray[np.uint8]:
    return np.asarray(decode(png(png_header(_WIDTH, _HEIGHT, colour=3), *chunks, (b"IEND", b""))).image)


def test_a_palette_comes_before_the_pixels() -> None:
    """Pillow leaves them grey, or opaque, if it comes behind."""
    shown = _indexed(_PALETTE, _TRANSPARENT, (b"IDAT", _INDICES))
    assert shown[0, :3].tolist() == [[200, 0, 0], [0, 200, 0], [255, 255, 255]]
    for chunks in (
        [(b"IDAT", _INDICES), _PALETTE],
        [_PALETTE, (b"IDAT", _INDICES), _TRANSPARENT],
        [(b"IDAT", _INDICES[:9]), _PALETTE, (b"IDAT", _INDICES[9:])],
    ):
        with pytest.raises(CorruptImage, match="behind its pixels"):
            _indexed(*chunks)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_colour_beyond_the_palette_is_refused(depth: int) -> None:
    width, height = 40, 32
    entries = np.arange(3 << depth).reshape(-1, 3).astype(np.uint8) + 9
    for colours in {1, 2, 3, 5, 16, 200, 255, 256} & set(range(1, (1 << depth) + 1)):
        indices = np.arange(width * height).reshape(height, width) % colours

        def made(indices: NDArray[np.int64], colours: int = colours) -> bytes:
            bits = (indices[..., None] >> np.arange(depth)[::-1] & 1).astype(np.uint8).reshape(height, -1)
            rows = [row.tobytes() for row in np.packbits(bits, axis=1)]
            return png_of(rows, width, height, depth=depth, colour=3, extra=[(b"PLTE", entries[:colours].tobytes())])

        assert np.array_equal(np.asarray(decode(made(indices)).image), entries[indices])
        if colours < 1 << depth:
            indices[-1, -1] = colours
            with pytest.raises(CorruptImage, match="colours that its palette lacks"):
                decode(made(indices))


def test_one_transparent_colour_shows_white() -> None:
    image = _image(3)
    image[:9] = (1, 2, 3)
    rows = [row.tobytes() for row in image]
    shown = decode(png_of(rows, _WIDTH, _HEIGHT, extra=[(b"tRNS", struct.pack(">3H", 1, 2, 3))])).image
    assert (np.asarray(shown)[:9] == 255).all()
    assert np.array_equal(np.asarray(shown)[9:], image[9:])


_GAMMA, _LINEAR = (b"gAMA", struct.pack(">I", 45455)), (b"gAMA", struct.pack(">I", 100_000))
_SRGB = (b"sRGB", b"\0")


@pytest.mark.parametrize("extra", [[_GAMMA], [_SRGB, _GAMMA], [_LINEAR, _SRGB], [(b"cICP", bytes([1, 13, 0, 1]))]])
def test_colour_spaces_that_are_srgb_are_read(extra: list[tuple[bytes, bytes]]) -> None:
    image = _image(3)
    data = png_of([row.tobytes() for row in image], _WIDTH, _HEIGHT, extra=extra)
    assert np.array_equal(np.asarray(decode(data).image), image)


def test_a_colour_space_that_is_not_is_refused() -> None:
    data = png_of([bytes(3 * _WIDTH)] * _HEIGHT, _WIDTH, _HEIGHT, extra=[_LINEAR])
    with pytest.raises(UnsupportedImageType, match="colour space"):
        decode(data)


def _profile(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


def test_code_points_count_before_a_profile() -> None:
    image = _image(3)
    rows = [row.tobytes() for row in image]
    swapped = png_of(rows, _WIDTH, _HEIGHT, extra=[_profile(swapped_profile())])
    assert not np.array_equal(np.asarray(decode(swapped).image), image)
    srgb = png_of(rows, _WIDTH, _HEIGHT, extra=[(b"cICP", bytes([1, 13, 0, 1])), _profile(swapped_profile())])
    assert np.array_equal(np.asarray(decode(srgb).image), image)


@pytest.mark.parametrize("beside", [[], [_profile(display_p3_profile())], [_profile(swapped_profile())], [_SRGB]])
def test_code_points_of_display_p3(beside: list[tuple[bytes, bytes]]) -> None:
    image = _image(3)
    data = png_of([row.tobytes() for row in image], _WIDTH, _HEIGHT, extra=[(b"cICP", bytes([12, 13, 0, 1])), *beside])
    expected = np.asarray(to_srgb(Image.fromarray(image), display_p3_profile()))
    assert not np.array_equal(expected, image)
    assert np.array_equal(np.asarray(decode(data).image), expected)


@pytest.mark.parametrize("points", [(9, 16, 0, 1), (9, 18, 0, 1), (1, 13, 0, 0), (12, 13, 0, 0), (12, 16, 0, 1)])
def test_code_points_of_other_spaces_are_refused_also_beside_a_profile(points: tuple[int, ...]) -> None:
    extra = [(b"cICP", bytes(points)), _profile(srgb_profile())]
    with pytest.raises(UnsupportedImageType, match="colour space"):
        decode(png_of([bytes(3 * _WIDTH)] * _HEIGHT, _WIDTH, _HEIGHT, extra=extra))
