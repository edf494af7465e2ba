import struct

import pytest

from dermoscopy.containers.exif import UPRIGHT, is_adobe_rgb, orientation
from tests.dermoscopy.files import exif, exif_of_colours


def _block(order: str, *entries: tuple[int, int, int, int], directory: int = 8) -> bytes:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    fields = b"".join(struct.pack(order + "HHIHH", *entry, 0) for entry in entries)
    return magic + struct.pack(order + "IH", directory, len(entries)) + fields + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_it_is_found_among_other_fields(order: str, value: int) -> None:
    assert orientation(_block(order, (271, 2, 1, 65), (274, 3, 1, value), (282, 3, 1, 72))) == value


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        b"garbage, and quite a lot of it",
        _block("<"),
        _block("<", (271, 2, 1, 65)),
        _block("<", (274, 3, 1, 0)),
        _block("<", (274, 3, 1, 9)),
        _block("<", (274, 2, 1, 6)),
        _block("<", (274, 3, 2, 6)),
        _block("<", (274, 3, 1, 6), directory=2**32 - 1),
        _block("<", (274, 3, 1, 6))[:14],
    ],
)
def test_whatever_is_broken_counts_as_upright(block: bytes) -> None:
    assert orientation(block) == UPRIGHT == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_adobe_rgb_is_an_index_and_no_calibrated_space(order: str) -> None:
    assert is_adobe_rgb(exif_of_colours(order=order)[6:])
    assert not is_adobe_rgb(exif_of_colours(1, order=order)[6:])
    assert not is_adobe_rgb(exif_of_colours(index=b"R98\0", order=order)[6:])
    assert orientation(exif_of_colours(order=order)[6:]) == UPRIGHT


def test_a_block_that_is_broken_says_nothing_of_colours() -> None:
    whole = exif_of_colours()[6:]
    for end in range(len(whole) - 5):
        assert not is_adobe_rgb(whole[:end])
    assert not is_adobe_rgb(exif(6)[6:])
    assert not is_adobe_rgb(b"garbage, and quite a lot of it")
