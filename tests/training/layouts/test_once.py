from dataclasses import replace
from pathlib import Path

import pytest

from training.images import Clinical, Image, SourceError
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.layouts.once import once

NEVUS: Label = frozenset({"nv"})
ONE = Image(Path("a.jpg"), "clinic", BENIGN, facts={"sex": "", "dx": "nevus"}, clinical=Clinical(age=0.0))
OTHER = replace(
    ONE,
    label=NEVUS,
    lesion="L1",
    given_split="test",
    facts={"sex": "male", "dx": "Nevus", "site": "back"},
    clinical=Clinical(age=5.0, sex="male", histology=True),
)


def test_a_picture_of_two_rows_is_there_once_with_what_both_say() -> None:
    third = replace(ONE, path=Path("b.jpg"))
    first, second = once([ONE, third, OTHER])
    assert (first.label, first.lesion, first.given_split) == (NEVUS, "L1", "test")
    assert first.facts == {"sex": "male", "dx": "nevus", "site": "back"}
    assert first.clinical == Clinical(age=0.0, sex="male", histology=True)
    assert second == third
    assert once([OTHER, ONE])[0].given_split == "test"


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ((MALIGNANT, MELANOMA), MELANOMA),
        ((frozenset[str](), NEVUS), NEVUS),
        ((NEVUS, frozenset[str]()), NEVUS),
        ((frozenset[str](), frozenset[str]()), frozenset()),
    ],
)
def test_a_label_that_says_more_wins(labels: tuple[Label, Label], label: Label) -> None:
    assert [image.label for image in once([replace(ONE, label=each) for each in labels])] == [label]


def test_rows_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SourceError, match=r"a\.jpg is listed twice, .* contradict each other: mel, and nv"):
        once([replace(ONE, label=MELANOMA), replace(ONE, label=NEVUS)])
