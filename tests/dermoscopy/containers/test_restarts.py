"""Restart markers; what they do to pictures is tested with the readers of those."""

import time
from collections.abc import Iterable

import pytest

from dermoscopy.containers import restarts
from dermoscopy.containers.restarts import Restarts, with_noise
from dermoscopy.errors import CorruptImage, UnsupportedImageType


def _checked(units: int, interval: int, data: bytes, markers: Iterable[int]) -> Restarts:
    """One scan of these markers, each at its first place in the data."""
    found = Restarts()
    found.begin(units, interval)
    for marker in markers:
        found.add(marker, data.index(bytes([0xFF, marker])))
    found.end(data, len(data))
    return found


@pytest.mark.parametrize(
    ("units", "interval", "data"),
    [
        (30, 0, b"whole"),
        (30, 10, b"one\xff\xd0two\xff\xd1three"),
        (21, 10, b"one\xff\xd0two\xff\xd1three"),
        (20, 10, b"one\xff\xd0two\xff\xd1"),
        (20, 10, b"one\xff\xd0two\xff\xd1\xff\xff"),
        (20, 30, b"one\xff\xd0"),
        (20, 30, b"one"),
    ],
)
def test_all_of_them_and_one_more_at_the_end(units: int, interval: int, data: bytes) -> None:
    markers = [data[at + 1] for at in range(len(data) - 1) if data[at] == 0xFF and data[at + 1] < 0xFF]
    assert _checked(units, interval, data, markers).count == len(markers)


@pytest.mark.parametrize(
    ("units", "interval", "data", "markers"),
    [
        (30, 0, b"one\xff\xd0", [0xD0]),
        (30, 10, b"one\xff\xd0two", [0xD0]),
        (20, 10, b"one\xff\xd0two\xff\xd1three", [0xD0, 0xD1]),
        (20, 10, b"one\xff\xd0two\xff\xd1\xff\xd2", [0xD0, 0xD1, 0xD2]),
        (20, 30, b"one\xff\xd0two", [0xD0]),
        (30, 10, b"one\xff\xd1two\xff\xd0three", [0xD1, 0xD0]),
        (30, 10, b"one\xff\xd0two\xff\xd2three", [0xD0, 0xD2]),
    ],
)
def test_others_are_refused(units: int, interval: int, data: bytes, markers: list[int]) -> None:
    with pytest.raises(CorruptImage, match="restart markers"):
        _checked(units, interval, data, markers)


def test_they_begin_anew_behind_the_eighth_and_in_every_scan() -> None:
    found = Restarts()
    for _ in range(2):
        found.begin(10, 1)
        for number in range(9):
            found.add(0xD0 + number % 8, number)
        found.end(b"", 9)
    assert found.count == 18


def test_far_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "_MOST", 3)
    with pytest.raises(UnsupportedImageType, match="more than 3 restart markers"):
        _checked(10, 1, b"\xff\xd0\xff\xd1\xff\xd2\xff\xd3", [0xD0, 0xD1, 0xD2, 0xD3])


def test_noise_makes_no_marker() -> None:
    coded = b"one\xff\xd0two\xff\0\xff\xd7three\xff\xff\xd1four"
    noisy = with_noise(coded)
    assert noisy.split(b"\xff\xd0")[0].startswith(b"one")
    kept = [noisy[at + 1] for at in range(len(noisy) - 1) if noisy[at] == 0xFF and noisy[at + 1] not in {0, 0xFF}]
    assert kept == [0xD0, 0xD7, 0xD1]
    assert len(noisy) == len(coded) + 3 * 16 + 1
    assert with_noise(b"none\xff\0") == b"none\xff\0"


def test_millions_of_them_take_no_minutes() -> None:
    begun = time.thread_time()
    assert len(with_noise(b"\xff\xd3" * 1_000_000)) == 18_000_000
    assert time.thread_time() - begun < 10
