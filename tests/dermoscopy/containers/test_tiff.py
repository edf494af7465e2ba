import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from dermoscopy.containers.tiff import inspect
from dermoscopy.decode import decode
from dermoscopy.errors import AnimatedImage, UnsupportedImageType
from dermoscopy.limits import Limits
from tests.dermoscopy.files import Changes, encode, picture, srgb_profile, tiff, tiff_tags

_WIDTH, _HEIGHT = 64, 48
_IMAGE = (np.arange(_WIDTH * _HEIGHT * 3, dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8)
_GREY = _IMAGE[: _WIDTH * _HEIGHT].reshape(_HEIGHT, _WIDTH)
_RGB = _IMAGE.reshape(_HEIGHT, _WIDTH, 3)


def _shown(data: bytes, changes: Changes, order: str = "<") -> NDArray[np.uint8]:
    tags = tiff_tags(_WIDTH, _HEIGHT, len(data), changes)
    return np.asarray(decode(tiff(data, tags, order=order)).image)


def _repeated(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LA", "I;16"])
def test_modes_and_compressions(mode: str, compression: str | None) -> None:
    image = picture("RGBA").convert("LA") if mode == "LA" else picture(mode)
    shown = np.asarray(decode(encode(image, "TIFF", compression=compression)).image).astype(int)
    if mode == "LA":
        expected = np.asarray(decode(encode(image, "PNG")).image)
    else:
        expected = np.asarray(picture("L" if mode == "I;16" else mode).convert("RGB"))
    assert np.array_equal(shown, expected)


def test_facts_and_metadata_are_read() -> None:
    data = encode(picture(), "TIFF", icc_profile=srgb_profile(), software="Jane Doe", compression="tiff_lzw")
    container = inspect(data, Limits())
    assert (container.format, container.media_type) == ("TIFF", "image/tiff")
    assert (container.width, container.height, container.icc_profile) == (72, 56, srgb_profile())
    with TiffImageFile(io.BytesIO(data)) as original, TiffImageFile(io.BytesIO(container.stream)) as seen:
        assert 305 in original.tag_v2
        assert 305 not in seen.tag_v2


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(order: str) -> None:
    assert np.array_equal(_shown(_GREY.tobytes(), {}, order), _repeated(_GREY))
    deep = (_GREY.astype(np.uint16) * 257).astype(order + "u2").tobytes()
    assert np.array_equal(_shown(deep, {"bits": (16,)}, order), _repeated(_GREY))


@pytest.mark.parametrize("packed", [False, True])
def test_strips_of_uneven_height(packed: bool) -> None:
    strips = [_GREY[top : top + 20].tobytes() for top in range(0, _HEIGHT, 20)]
    if packed:
        strips = [zlib.compress(strip) for strip in strips]
    places = np.cumsum([8, *map(len, strips)])[:-1]
    changes: Changes = {
        "rows": (20,),
        "offsets": tuple(int(k) for k in places),
        "counts": tuple(map(len, strips)),
        "compression": (8 if packed else 1,),
    }
    assert np.array_equal(_shown(b"".join(strips), changes), _repeated(_GREY))


@pytest.mark.parametrize("packed", [False, True])
def test_tiles(packed: bool) -> None:
    padded = np.zeros((64, 96), np.uint8)
    padded[:_HEIGHT, :_WIDTH] = _GREY
    tiles = [padded[y : y + 32, x : x + 48].tobytes() for y in (0, 32) for x in (0, 48)]
    if packed:
        tiles = [zlib.compress(tile) for tile in tiles]
    places = np.cumsum([8, *map(len, tiles)])[:-1]
    changes: Changes = {
        "rows": None,
        "offsets": None,
        "counts": None,
        "tile_width": (48,),
        "tile_height": (32,),
        "tile_offsets": tuple(int(k) for k in places),
        "tile_counts": tuple(map(len, tiles)),
        "compression": (8 if packed else 1,),
    }
    assert np.array_equal(_shown(b"".join(tiles), changes), _repeated(_GREY))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("bits", "photometric"),
    [*((bits, photometric) for bits in (1, 2, 4, 8) for photometric in (0, 1, 3)), (16, 1)],
)
def test_one_sample_is_the_same_in_a_plane_of_its_own(bits: int, photometric: int, packed: bool) -> None:
    rows = _IMAGE[: _WIDTH * bits // 8 * _HEIGHT].tobytes()
    data = zlib.compress(rows) if packed else rows
    changes: Changes = {"bits": (bits,), "photometric": (photometric,), "compression": (8 if packed else 1,)}
    if photometric == 3:
        changes["colour_map"] = tuple(range(65_535, 65_535 - (3 << bits) * 80, -80))
    together = _shown(data, changes)
    assert len(np.unique(together)) > 1
    assert np.array_equal(_shown(data, {**changes, "planar": (2,)}), together)


@pytest.mark.parametrize("packed", [False, True])
def test_planes(packed: bool) -> None:
    planes = [np.ascontiguousarray(_RGB[..., k]).tobytes() for k in range(3)]
    if packed:
        planes = [zlib.compress(plane) for plane in planes]
    places = np.cumsum([8, *map(len, planes)])[:-1]
    changes: Changes = {
        "bits": (8, 8, 8),
        "samples": (3,),
        "photometric": (2,),
        "planar": (2,),
        "offsets": tuple(int(k) for k in places),
        "counts": tuple(map(len, planes)),
        "compression": (8 if packed else 1,),
    }
    assert np.array_equal(_shown(b"".join(planes), changes), _RGB)


def _with_alpha(bits: int, colours: int, extra: int, *, planar: bool, packed: bool) -> tuple[bytes, Changes]:
    """Colours of the test image with an opaque channel more, and the fields that say so."""
    opaque = np.full((_HEIGHT, _WIDTH, 1), 255, np.uint8)
    pixels = np.concatenate([_RGB if colours == 3 else _GREY[..., None], opaque], axis=2) >> (8 - bits)
    planes = [np.ascontiguousarray(pixels[..., k]) for k in range(colours + 1)] if planar else [pixels]
    if bits == 4:
        planes = [(plane.reshape(-1, 2)[:, 0] << 4 | plane.reshape(-1, 2)[:, 1]).astype(np.uint8) for plane in planes]
    pieces = [zlib.compress(plane.tobytes()) if packed else plane.tobytes() for plane in planes]
    changes: Changes = {
        "bits": (bits,) * (colours + 1),
        "samples": (colours + 1,),
        "photometric": (2 if colours == 3 else 1,),
        "extra": (extra,),
        "planar": (2 if planar else 1,),
        "offsets": tuple(int(k) for k in np.cumsum([8, *map(len, pieces)])[:-1]),
        "counts": tuple(map(len, pieces)),
        "compression": (8 if packed else 1,),
    }
    return b"".join(pieces), changes


@pytest.mark.parametrize(
    ("colours", "extra", "planar", "packed"),
    [
        *((colours, extra, False, packed) for colours in (1, 3) for extra in (0, 1, 2) for packed in (False, True)),
        (3, 2, True, False),
        (3, 2, True, True),
        (3, 0, True, True),
        (1, 0, True, True),
    ],
)
def test_one_channel_more(colours: int, extra: int, planar: bool, packed: bool) -> None:
    shown = _shown(*_with_alpha(8, colours, extra, planar=planar, packed=packed))
    assert np.array_equal(shown, _RGB if colours == 3 else _repeated(_GREY))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("bits", "colours", "extra", "planar"),
    [
        (8, 1, 1, True),
        (8, 1, 2, True),
        (8, 3, 1, True),
        (4, 1, 2, False),
        (4, 3, 2, False),
    ],
)
def test_one_channel_more_that_pillow_does_not_know(
    bits: int, colours: int, extra: int, planar: bool, packed: bool
) -> None:
    with pytest.raises(UnsupportedImageType, match="its bits and channels"):
        _shown(*_with_alpha(bits, colours, extra, planar=planar, packed=packed))


@pytest.mark.parametrize("photometric", [2, 5])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_colours_of_few_bits_are_told_from_damage(bits: int, photometric: int) -> None:
    samples = 3 if photometric == 2 else 4
    row = _WIDTH * samples * bits // 8
    changes: Changes = {"photometric": (photometric,), "samples": (samples,), "bits": (bits,) * samples}
    with pytest.raises(UnsupportedImageType, match="its bits and channels"):
        _shown(bytes(row * _HEIGHT), changes)


@pytest.mark.parametrize("changes", [{"subfile": (1,)}, {"subfile": (3,)}, {"subfile": (4,)}, {"old_subfile": (2,)}])
def test_a_preview_or_a_mask_is_not_the_picture(changes: Changes) -> None:
    """Raw files (NEF, DNG) begin with a small preview, and have the picture elsewhere."""
    with pytest.raises(UnsupportedImageType, match="preview or a mask of another"):
        _shown(_GREY.tobytes(), changes)


@pytest.mark.parametrize(
    "changes", [{"subfile": (0,)}, {"subfile": (2,)}, {"old_subfile": (1,)}, {"old_subfile": (3,)}]
)
def test_a_page_is_one_if_there_is_no_other(changes: Changes) -> None:
    assert np.array_equal(_shown(_GREY.tobytes(), changes), _repeated(_GREY))
    tags = tiff_tags(_WIDTH, _HEIGHT, _GREY.size, changes)
    with pytest.raises(AnimatedImage):
        decode(tiff(_GREY.tobytes(), tags, following=8 + _GREY.size))


def test_fields_of_millions_of_values_are_not_copied() -> None:
    data = bytearray(tiff(bytes(8_000_000), tiff_tags(_WIDTH, _HEIGHT, 8_000_000, {"extra": (1,), "ink_set": (1,)})))
    first = 8 + 8_000_000 + 2
    for entry in range(first, first + 12 * 11, 12):
        struct.pack_into("<HII", data, entry + 2, 3, 3_900_000, 8)
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedImageType, match="number of values"):
            inspect(bytes(data), Limits())
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_white_is_zero_is_inverted() -> None:
    assert np.array_equal(_shown(_GREY.tobytes(), {"photometric": (0,)}), 255 - _repeated(_GREY))


def test_predictor() -> None:
    steps = np.diff(_GREY, axis=1, prepend=np.zeros((_HEIGHT, 1), np.uint8)).astype(np.uint8)
    shown = _shown(zlib.compress(steps.tobytes()), {"compression": (8,), "predictor": (2,)})
    assert np.array_equal(shown, _repeated(_GREY))


def test_palette() -> None:
    colours = np.arange(256)
    palette = np.concatenate([colours, 255 - colours, colours // 2]) * 257
    shown = _shown(_GREY.tobytes(), {"photometric": (3,), "colour_map": tuple(int(k) for k in palette)})
    assert np.array_equal(shown, np.stack([_GREY, 255 - _GREY, _GREY // 2], axis=2))


def test_orientation() -> None:
    assert np.array_equal(_shown(_GREY.tobytes(), {"orientation": (3,)}), _repeated(_GREY)[::-1, ::-1])
    assert np.array_equal(_shown(_GREY.tobytes(), {"orientation": (9,)}), _repeated(_GREY))
