from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.built import Data
from training.images import Image
from training.labels import BENIGN, MALIGNANT, Label
from training.splits import EXTERNAL, ROLES, SHOWN, Split, split
from training.table import Table, settle_labels

LEARNED = {"training", "validation"}
HELD_OUT = {"test", "external", "shown"}


def _table(images: list[Image], copies: list[int], lesions: list[int] | None = None) -> Table:
    numbers = np.array(copies)
    pixels = np.zeros((len(images), 224, 224, 3), np.uint8)
    return Table(images, pixels, numbers, np.array(lesions or copies), settle_labels(images, numbers))


def _image(name: str, source: str = "isic2017", label: Label = BENIGN, given_split: str = "") -> Image:
    return Image(Path(f"{name}.jpg"), source, label, given_split=given_split)


def _roles(data: Data, groups: np.ndarray) -> list[set[str]]:
    found = defaultdict(set)
    for group, role in zip(groups.tolist(), data.split.roles, strict=True):
        found[group].add(role)
    return list(found.values())


def test_every_image_has_a_role(data: Data) -> None:
    assert set(data.split.roles) == set(ROLES)


@pytest.mark.parametrize("kind", ["copies", "lesions"])
def test_no_group_is_both_held_out_and_learned_from(data: Data, kind: str) -> None:
    for roles in _roles(data, getattr(data.table, kind)):
        assert not (roles & HELD_OUT and roles & LEARNED), roles
        assert not {"training", "validation"} <= roles, roles


def test_no_recorded_lesion_spans_roles(data: Data) -> None:
    found = defaultdict(set)
    for image, role in zip(data.table.images, data.split.roles, strict=True):
        if image.lesion and role != "removed":
            found[image.source, image.lesion].add(role)
    assert len(found) > 50
    assert all(len(roles) == 1 for roles in found.values())


def test_copies_of_held_out_images_are_removed(data: Data) -> None:
    assert len(data.planted.held_out) == 7
    for copy, original in data.planted.held_out:
        assert data.role(original) in HELD_OUT, original
        assert data.role(copy) == "removed", copy


def test_the_other_photographs_of_a_held_out_lesion_are_removed_too(data: Data) -> None:
    rows = [row for row, image in enumerate(data.table.images) if image.lesion == "HAM_0000005"]
    assert len(rows) == 3
    assert {data.split.roles[row] for row in rows} == {"removed"}


def test_originals_and_the_other_clinic_take_no_part(data: Data) -> None:
    for image, role in zip(data.table.images, data.split.roles, strict=True):
        if image.source in SHOWN:
            assert role == "shown"
        if image.source in EXTERNAL:
            assert role == "external"
        if image.given_split == "test":
            assert role == "test"


def test_contradicted_images_are_not_learned_from(data: Data) -> None:
    for pair in data.planted.contradicted:
        assert not {data.role(name) for name in pair} & LEARNED
    for label, role in zip(data.table.labels, data.split.roles, strict=True):
        assert label or role not in LEARNED


def test_of_copies_inside_a_source_one_is_kept(data: Data) -> None:
    pair = ("melanoma10000/melanoma_train3b", "melanoma10000/melanoma_train3b_again")
    roles = sorted(data.role(name) for name in pair)
    assert roles[0] == "removed"
    assert roles[1] in LEARNED


def test_a_source_that_brings_only_a_test_set_is_not_learned_from() -> None:
    table = _table([_image("a"), _image("b", "clinic", given_split="test")], [0, 1])
    roles = Split(["training", "test"])
    assert roles.unlearned(["isic2017"], table) == ""
    assert (
        roles.unlearned(["isic2017", "clinic"], table) == "no image of clinic can be learned from; its images: test 1"
    )


def test_shares_are_about_what_was_asked_for() -> None:
    images = [_image(f"{source}{number}", source) for source in ("ham10000", "isic2017") for number in range(1500)]
    table = _table(images, list(range(len(images))))
    counts = split(table).counts(table)
    assert counts["ham10000"]["test"] / 1500 == pytest.approx(0.2, abs=0.03)
    assert counts["ham10000"]["validation"] / 1500 == pytest.approx(0.1, abs=0.025)
    assert counts["isic2017"]["validation"] / 1500 == pytest.approx(0.1, abs=0.025)
    assert counts["isic2017"]["test"] == 0


def test_the_split_does_not_depend_on_order(data: Data) -> None:
    table = data.table
    order = np.random.default_rng(0).permutation(len(table.images))
    shuffled = Table(
        [table.images[row] for row in order],
        table.pixels,
        table.copies[order],
        table.lesions[order],
        [table.labels[row] for row in order],
    )
    found, before = split(shuffled), data.split
    same_source = {row for row, role in enumerate(before.roles) if role in HELD_OUT}
    assert {int(order[row]) for row, role in enumerate(found.roles) if role in HELD_OUT} == same_source
    assert found.counts(shuffled) == before.counts(table)


def test_a_copy_at_another_clinic_wins_over_the_own_test_split() -> None:
    images = [_image("a", "isic-acral"), _image("b", "melanoma10000", given_split="test"), _image("c", "ham10000")]
    assert split(_table(images, [0, 0, 0])).roles == ["external", "test", "removed"]


def test_a_chain_of_copies_and_lesions_is_one_group() -> None:
    """b is a copy of the original a; c shows the lesion of b; d is a copy of c in a training source."""
    images = [_image("a", "fullres"), _image("b", "ham10000"), _image("c", "ham10000"), _image("d", "isic2017")]
    assert split(_table(images, [0, 0, 1, 1], [0, 0, 0, 0])).roles == ["shown", "removed", "removed", "removed"]


def test_a_lesion_without_a_label_is_not_learned_from() -> None:
    images = [_image("a", label=frozenset()), _image("b", label=MALIGNANT)]
    roles = split(_table(images, [0, 1])).roles
    assert roles[0] == "removed"
    assert roles[1] in LEARNED


def test_the_digest_stands_for_every_role(data: Data) -> None:
    digest = data.split.digest(data.table)
    assert digest == split(data.table).digest(data.table)
    swapped = data.split.roles.copy()
    first, second = swapped.index("training"), swapped.index("test")
    swapped[first], swapped[second] = swapped[second], swapped[first]
    assert Split(swapped).digest(data.table) != digest
    renamed = [replace(image, source=f"{image.source}2") for image in data.table.images]
    assert data.split.digest(replace(data.table, images=renamed)) != digest


def test_the_contents_stand_for_labels_and_pixels_of_what_takes_part() -> None:
    images = [_image("a"), _image("b", label=MALIGNANT), _image("c")]
    table, roles = _table(images, [0, 1, 2]), Split(["training", "test", "removed"])
    contents = roles.contents(table)
    assert contents == roles.contents(_table(images, [0, 1, 2]))

    relabelled = replace(table, labels=[BENIGN, BENIGN, BENIGN])
    assert roles.contents(relabelled)["labels"] != contents["labels"]
    assert roles.contents(relabelled)["pixels"] == contents["pixels"]
    assert roles.digest(relabelled) == roles.digest(table)  # published versions refer to it

    repainted = replace(table, pixels=table.pixels.copy())
    repainted.pixels[0, 0, 0, 0] = 1
    assert roles.contents(repainted)["pixels"] != contents["pixels"]
    assert roles.contents(repainted)["labels"] == contents["labels"]

    elsewhere = replace(table, labels=[BENIGN, MALIGNANT, MALIGNANT], pixels=table.pixels.copy())
    elsewhere.pixels[2] = 9  # takes no part
    assert roles.contents(elsewhere) == contents


def test_the_contents_tell_pictures_of_one_name_in_two_classes_apart() -> None:
    """Two that lay in each other's class are put right: names, roles and what there is of labels stay the same."""
    melanoma: Label = frozenset({"mel"})
    images = [replace(_image("a", "clinic"), path=Path(kind, "0001.jpg")) for kind in ("melanoma", "nevus")]
    pixels = np.arange(2, dtype=np.uint8)[:, None, None, None] + np.zeros((2, 224, 224, 3), np.uint8)
    before = replace(_table(images, [0, 1]), pixels=pixels, labels=[melanoma, BENIGN])
    after = replace(before, pixels=pixels[::-1].copy())
    roles = Split(["training", "training"])
    assert roles.contents(after) != roles.contents(before)


def test_names_that_are_no_utf_8_are_names() -> None:
    """As an archive from another system unpacks them."""
    images = [_image("n\udce4vus", "clinic"), _image("b", "clinic")]
    table = _table(images, [0, 1])
    found = split(table)
    assert len(found.digest(table)) == 16
    assert found.contents(table).keys() == {"labels", "pixels"}
