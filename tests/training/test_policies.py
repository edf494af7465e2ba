from pathlib import Path

import pytest

from training.images import Clinical, Image
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.policies import INVASION, LEAST_LESIONS, POLICIES, THICKNESS, choose_policy


def _image(thickness: float | None, label: Label = MELANOMA, **facts: str) -> Image:
    clinical = Clinical(thickness_mm=thickness)
    return Image(Path("x.jpg"), "melanoma-severity", label, facts=facts, clinical=clinical)


@pytest.mark.parametrize(
    ("thickness", "grade"),
    [(0.0, 0), (0.8, 0), (1.0, 0), (1.04, 0), (1.05, 1), (2.0, 1), (2.04, 1), (2.05, 2), (12.0, 2)],
)
def test_thickness_goes_by_the_bands_of_ajcc_8(thickness: float, grade: int) -> None:
    assert THICKNESS.grade_of(_image(thickness)) == grade


def test_without_a_thickness_or_without_a_melanoma_there_is_no_grade() -> None:
    assert THICKNESS.grade_of(_image(None)) is None
    in_situ = Clinical(diagnosis="Melanoma in situ, lentigo maligna type")
    assert THICKNESS.grade_of(Image(Path("x.jpg"), "clinic", MELANOMA, clinical=in_situ)) == 0
    assert THICKNESS.grade_of(_image(0.5, BENIGN)) is None
    assert THICKNESS.grade_of(_image(0.5, MALIGNANT)) is None  # a carcinoma, perhaps


def test_invasion_goes_by_the_diagnosis() -> None:
    found = [INVASION.grade_of(_image(None, diagnosis_3=words)) for words in ("Melanoma in situ", "Melanoma, NOS", "")]
    assert found == [0, None, None]


@pytest.mark.parametrize(("lesions", "policy"), [(LEAST_LESIONS, THICKNESS), (LEAST_LESIONS - 1, INVASION)])
def test_the_data_chooses(lesions: int, policy: object) -> None:
    images = [_image(thickness) for thickness in (0.5, 1.5, 3.0) for _ in range(2 * lesions)]
    # Two pictures of each lesion.
    assert choose_policy(images, [number // 2 for number in range(len(images))]) is policy
    assert choose_policy([], []) is INVASION


def test_every_policy_says_what_its_grades_are() -> None:
    for name, policy in POLICIES.items():
        assert policy.name == name
        assert list(policy.meanings) == ["1", "2", "3"]
        assert all(short.startswith(number) for short, number in zip(policy.names, policy.meanings, strict=True))


def test_a_metastasis_has_no_thickness_of_its_own() -> None:
    """What is recorded beside it is that of the melanoma which it comes from."""
    metastasis = Clinical(diagnosis="Melanoma metastasis", thickness_mm=0.8)
    assert THICKNESS.grade_of(Image(Path("x.jpg"), "clinic", MELANOMA, clinical=metastasis)) is None
