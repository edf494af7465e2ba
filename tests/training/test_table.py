import errno
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from dermoscopy.prepare import prepare
from dermoscopy.render import render_lesion
from tests.training.built import Data
from training.duplicates import groups
from training.images import Clinical, Image, SourceError
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.table import Table, _new_pixels, build_table, changed_table, lesion_pairs, settle_labels

NOTHING: Label = frozenset()


def _image(label: Label, source: str = "s", lesion: str = "") -> Image:
    return Image(Path("x.jpg"), source, label, lesion)


@pytest.mark.parametrize(
    ("labels", "settled"),
    [
        ([MALIGNANT, MELANOMA], MELANOMA),
        ([MALIGNANT, frozenset({"bcc"}), MALIGNANT], frozenset({"bcc"})),
        ([BENIGN, frozenset({"nv", "bkl"})], frozenset({"nv", "bkl"})),
        ([MALIGNANT, BENIGN], NOTHING),
        ([frozenset({"bcc"}), frozenset({"nv", "bkl"})], NOTHING),
        ([MELANOMA, frozenset({"bcc"}), MALIGNANT], NOTHING),
        ([NOTHING, MELANOMA], MELANOMA),  # an unlabelled copy says nothing
        ([NOTHING, NOTHING], NOTHING),
    ],
)
def test_copies_settle_their_label_together(labels: list[Label], settled: Label) -> None:
    for order in (labels, labels[::-1]):
        assert settle_labels([_image(label) for label in order], np.zeros(len(order), np.int64)) == [settled] * len(
            order
        )


def test_other_pictures_have_no_say() -> None:
    assert settle_labels([_image(MALIGNANT), _image(BENIGN)], np.array([0, 1])) == [MALIGNANT, BENIGN]


def test_lesions_are_joined_inside_a_source_only() -> None:
    images = [_image(BENIGN, "a", "L"), _image(BENIGN, "b", "L"), _image(BENIGN, "a", "L"), _image(BENIGN, "a")]
    assert lesion_pairs(images).tolist() == [[0, 2]]
    assert lesion_pairs([_image(BENIGN), _image(BENIGN)]).shape == (0, 2)  # not recorded is not the same


@pytest.mark.parametrize("without", ["", "P1"])
def test_a_picture_without_a_lesion_goes_with_all_of_its_patient(without: str) -> None:
    """Layouts give it the patient's identity, or nothing."""

    def grouped(*recorded: tuple[str, str], source: str = "s") -> list[int]:
        images = [
            Image(Path("x.jpg"), source, BENIGN, lesion, clinical=Clinical(patient=who)) for lesion, who in recorded
        ]
        return [int(group) for group in groups(len(images), lesion_pairs(images))]

    first, second, third = grouped(("L1", "P1"), (without, "P1"), ("L2", "P2"))
    assert first == second != third
    assert len(set(grouped(("L1", "P1"), ("L2", "P1"), (without, "P1")))) == 1
    assert len(set(grouped(("L1", "P1"), ("L2", "P1")))) == 2
    assert len(set(grouped(("L1", ""), ("", ""), ("", "")))) == 3  # nobody knows whose they are
    one, other = (Image(Path("x.jpg"), name, BENIGN, "", clinical=Clinical(patient="P1")) for name in "ab")
    assert lesion_pairs([one, other]).shape == (0, 2)


def test_pixels_are_those_that_the_service_would_see(data: Data) -> None:
    for row in (0, 120, 200, len(data.table.images) - 1):
        expected = prepare(data.table.images[row].path.read_bytes()).pixels
        assert (data.table.pixels[row] == expected).all()


def test_labels_of_planted_copies_intersect(data: Data) -> None:
    for only_malignant, melanoma in data.planted.melanoma:
        assert data.table.images[data.row(only_malignant)].label == MALIGNANT
        assert data.table.labels[data.row(only_malignant)] == data.table.labels[data.row(melanoma)] == MELANOMA
    for pair in data.planted.contradicted:
        assert [data.table.labels[data.row(name)] for name in pair] == [NOTHING, NOTHING]


def test_settling_never_makes_a_malignancy_benign(data: Data) -> None:
    for image, settled in zip(data.table.images, data.table.labels, strict=True):
        assert settled <= image.label or not image.label
        if image.label <= MALIGNANT:
            assert not settled & BENIGN


def test_lesion_groups_hold_copies_and_lesions(data: Data) -> None:
    lesions = data.table.lesions
    for pair in data.planted.copies:
        assert len({lesions[data.row(name)] for name in pair}) == 1
    numbers = {lesions[row] for row, image in enumerate(data.table.images) if image.lesion == "HAM_0000005"}
    assert len(numbers) == 1
    # The third photograph is a copy of another source's test image, which so belongs to the lesion too.
    assert lesions[data.row("melanoma10000/melanoma_test2m")] in numbers


def test_images_are_prepared_once(data: Data, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    images = data.table.images[:5]
    first = build_table(images, tmp_path)
    assert "preparing images" in capfd.readouterr().err
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    second = build_table(images, tmp_path)
    assert "preparing images" not in capfd.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == written
    assert (first.pixels == second.pixels).all()
    build_table(images[:4], tmp_path)  # other images, another cache
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_preparation_is_not_taken_for_a_finished_one(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    Pillow.fromarray(render_lesion(1, side=64)).save(good)
    bad.write_bytes(b"no picture")
    images = [Image(good, "s", BENIGN), Image(bad, "s", BENIGN)]
    for _ in range(2):
        with pytest.raises(SourceError, match=re.escape(f"{bad} cannot be read")):  # the one of thousands
            build_table(images, tmp_path / "cache")
    Pillow.fromarray(render_lesion(2, side=64)).save(bad, "PNG")
    assert build_table(images, tmp_path / "cache").pixels.shape == (2, 224, 224, 3)


def test_changed_pixels_are_made_once_and_the_rest_stays(data: Data, tmp_path: Path) -> None:
    asked = []

    def inverted(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        asked.append(1)
        return 255 - picture

    found = changed_table(data.table, "inverted", inverted, tmp_path)
    assert np.array_equal(found.pixels[7], 255 - data.table.pixels[7])
    assert found.labels is data.table.labels
    assert len(asked) == len(data.table.images)
    assert np.array_equal(changed_table(data.table, "inverted", inverted, tmp_path).pixels, found.pixels)
    assert len(asked) == len(data.table.images)


def test_two_commands_at_once_prepare_whole_images_and_leave_nothing_else(data: Data, tmp_path: Path) -> None:
    images = data.table.images[:6]
    with ThreadPoolExecutor(2) as pool:
        tables = list(pool.map(lambda _: build_table(images, tmp_path), range(2)))
    for table in tables:
        assert np.array_equal(table.pixels, data.table.pixels[:6])
    assert len(list(tmp_path.iterdir())) == 1


def test_a_command_that_is_overtaken_takes_what_the_faster_one_made(data: Data, tmp_path: Path) -> None:
    table, lock = build_table(data.table.images[:6], data.cache), Lock()
    faster: list[Table] = []

    def inverted(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        with lock:
            if not faster:
                faster.append(changed_table(table, "inverted", lambda pixels: 255 - pixels, tmp_path))
        return 255 - picture

    slower = changed_table(table, "inverted", inverted, tmp_path)
    for found in (faster[0], slower):
        assert np.array_equal(found.pixels, 255 - table.pixels)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_picture_that_is_exchanged_for_one_of_the_same_size_is_prepared_anew(tmp_path: Path) -> None:
    file, found = tmp_path / "a.png", []
    for seed in (1, 2):
        Pillow.fromarray(render_lesion(seed, side=64)).save(file, compress_level=0)
        found.append((file.stat().st_size, build_table([Image(file, "s", BENIGN)], tmp_path / "cache").pixels[0]))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[1][1], prepare(file.read_bytes()).pixels)
    assert not np.array_equal(found[0][1], found[1][1])


def test_pixels_have_their_room_before_they_are_written(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a disk is full, writing to a map of a file that has holes ends the process without a word."""
    pixels = _new_pixels(tmp_path, (50, 224, 224, 3))
    assert (tmp_path / "pixels.npy").stat().st_blocks * 512 >= pixels.nbytes

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        build_table(data.table.images[:2], tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
