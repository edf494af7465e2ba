from collections import defaultdict

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from dermoscopy.prepare import prepare
from dermoscopy.render import render_lesion
from tests.training.built import Data
from training.duplicates import HASH_BITS, duplicate_pairs, groups, perceptual_hash, thumbnail, turned_pairs
from training.images import Image


@pytest.fixture(scope="module")
def lesions() -> list[NDArray[np.uint8]]:
    return [render_lesion(seed, side=160, malignancy=seed / 12) for seed in range(12)]


def _pairs(pictures: list[NDArray[np.uint8]]) -> set[tuple[int, int]]:
    found = duplicate_pairs(np.stack([thumbnail(picture) for picture in pictures]))
    return {(int(left), int(right)) for left, right in found}


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return np.array(Pillow.fromarray(picture).resize((width, height), Pillow.Resampling.LANCZOS))


def test_different_lesions_are_no_copies(lesions: list[NDArray[np.uint8]]) -> None:
    assert _pairs(lesions) == set()


def test_a_copy_is_found_whatever_its_size(lesions: list[NDArray[np.uint8]]) -> None:
    copies = [_resized(lesion, 61 + 20 * number, 240 - 15 * number) for number, lesion in enumerate(lesions)]
    assert _pairs(lesions + copies) == {(number, number + len(lesions)) for number in range(len(lesions))}


def test_a_copy_is_found_in_other_light(lesions: list[NDArray[np.uint8]]) -> None:
    darker = [(lesion * 0.8 + 10).astype(np.uint8) for lesion in lesions]
    assert _pairs(lesions + darker) == {(number, number + len(lesions)) for number in range(len(lesions))}


def test_a_mirrored_copy_is_not_found(lesions: list[NDArray[np.uint8]]) -> None:
    """As the module says; a change here is a change of what it promises."""
    assert _pairs([lesions[3], np.ascontiguousarray(lesions[3][:, ::-1])]) == set()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_what_is_a_copy_when_it_is_turned_is_found_apart(
    lesions: list[NDArray[np.uint8]], turns: int, mirrored: bool
) -> None:
    """Whichever of the two comes first, in another size and light."""
    copies = [np.rot90(lesion[:, ::-1] if mirrored else lesion, turns) for lesion in lesions[:4]]
    smaller = [_resized(np.ascontiguousarray(copy) // 4 * 3, 90, 90) for copy in copies]
    expected = [] if turns == 0 and not mirrored else [[number, number + 4] for number in range(4)]
    for pictures in ([*lesions[:4], *smaller], [*smaller, *lesions[:4]]):
        assert turned_pairs(np.stack([thumbnail(picture) for picture in pictures])).tolist() == expected


def test_no_picture_has_no_copies() -> None:
    for found in (duplicate_pairs, turned_pairs):
        assert found(np.empty((0, 32, 32), np.float32)).shape == (0, 2)


def test_pictures_of_one_colour_are_not_all_copies() -> None:
    assert _pairs([np.full((40, 40, 3), value, np.uint8) for value in (0, 90, 90, 255)]) == set()


def test_pairs_are_found_across_the_blocks_that_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    pictures = random.uniform(0, 255, (7, 32, 32)).astype(np.float32)
    pictures[5] = pictures[1]
    pictures[6] = pictures[4]
    for block in (1, 2, 3, 7, 100):
        monkeypatch.setattr("training.duplicates._BLOCK", block)
        assert duplicate_pairs(pictures).tolist() == [[1, 5], [4, 6]]


def test_a_thumbnail_is_grey_and_averages() -> None:
    stripes = np.zeros((320, 320, 3), np.uint8)
    stripes[::2] = 200
    small = thumbnail(stripes)
    assert small.shape == (32, 32)
    assert small.dtype == np.float32
    assert np.abs(small - 100).max() < 4
    green = thumbnail(np.full((32, 32, 3), (0, 100, 0), np.uint8))
    assert np.abs(green - 58.7).max() < 0.01


def test_the_hash_ignores_brightness_and_contrast() -> None:
    picture = np.random.default_rng(1).uniform(0, 200, (1, 32, 32)).astype(np.float32)
    hashed = perceptual_hash(picture)
    assert hashed.shape == (1, HASH_BITS)
    assert set(np.unique(hashed)) == {-1, 1}
    # A bit at the median itself may fall either way.
    assert (hashed != perceptual_hash(picture * 0.5 + 40)).sum() <= 1


def test_groups_are_what_pairs_connect() -> None:
    numbers = groups(6, np.array([[0, 3], [3, 5], [1, 2]])).tolist()
    assert numbers[0] == numbers[3] == numbers[5]
    assert numbers[1] == numbers[2]
    assert len({numbers[0], numbers[1], numbers[4]}) == 3
    assert len(set(groups(3, np.empty((0, 2), np.int64)).tolist())) == 3


def test_planted_copies_and_no_others_are_found(data: Data) -> None:
    named = defaultdict(set)
    for image, group in zip(data.table.images, data.table.copies.tolist(), strict=True):
        named[group].add(f"{image.source}/{image.path.stem}")
    found = {frozenset(names) for names in named.values() if len(names) > 1}
    assert found == {frozenset(pair) for pair in data.planted.copies}


def test_the_real_originals_find_their_small_copies(real_images: list[Image]) -> None:
    """The one set of copies that is known by name: the original-size photographs in ISIC 2017."""
    known = {image.path.stem: image for image in real_images if image.source == "isic2017"}
    originals = [image for image in real_images if image.source == "fullres" and image.path.stem in known]
    assert len(originals) >= 10
    files = [image.path for image in originals] + [known[image.path.stem].path for image in originals]
    found = _pairs([prepare(path.read_bytes()).pixels for path in files])
    assert {(number, number + len(originals)) for number in range(len(originals))} <= found
