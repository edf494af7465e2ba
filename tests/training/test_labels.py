import numpy as np
import pytest

from training.labels import (
    BENIGN,
    CLASS_MEANINGS,
    CLASSES,
    DIAGNOSES,
    MALIGNANT,
    MELANOMA,
    Label,
    as_mask,
    class_matrix,
    class_of,
    described_diagnoses,
)


def test_every_diagnosis_belongs_to_exactly_one_class() -> None:
    members = [diagnosis for diagnoses in CLASSES.values() for diagnosis in diagnoses]
    assert sorted(members) == sorted(DIAGNOSES)
    assert len(set(members)) == len(members)
    assert (class_matrix().sum(axis=1) == 1).all()
    assert list(CLASSES) == list(CLASS_MEANINGS) == ["melanoma", "other_malignant", "benign"]


def test_every_diagnosis_is_described_in_the_order_of_the_output() -> None:
    described = described_diagnoses()
    assert tuple(described) == DIAGNOSES
    assert {code: one.class_name for code, one in described.items()} == {
        diagnosis: name for name, members in CLASSES.items() for diagnosis in members
    }
    assert described["mel"].icd10 == ["C43", "D03"]


def test_carcinoma_and_its_precursor_are_malignant() -> None:
    matrix = class_matrix()
    for diagnosis in ("bcc", "akiec"):
        assert diagnosis in MALIGNANT
        assert diagnosis not in BENIGN
        assert matrix[DIAGNOSES.index(diagnosis)].tolist() == [0, 1, 0]
    assert MALIGNANT.isdisjoint(BENIGN)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (MELANOMA, "melanoma"),
        (frozenset({"bcc"}), "other_malignant"),
        (frozenset({"bcc", "akiec"}), "other_malignant"),
        (frozenset({"nv", "bkl"}), "benign"),
        (BENIGN, "benign"),
        (MALIGNANT, None),  # melanoma or another
        (frozenset({"mel", "nv"}), None),
        (frozenset(), None),
    ],
)
def test_class_of(label: Label, kind: str | None) -> None:
    assert class_of(label) == kind


def test_a_mask_allows_what_the_label_leaves_open() -> None:
    mask = as_mask([MELANOMA, frozenset({"vasc", "bcc"}), frozenset()])
    assert mask.dtype == np.float32
    assert mask.tolist() == [[1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 1], [0] * 7]
    assert as_mask([]).shape == (0, 7)
