import itertools
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from service.ajcc import Pathology, stage

EVERY_T = [
    ("0", None, "Tis"),
    ("0.1", False, "T1a"),
    ("0.7", False, "T1a"),
    ("0.7", True, "T1b"),
    ("0.8", False, "T1b"),
    ("0.8", True, "T1b"),
    ("1.0", False, "T1b"),
    ("1.0", True, "T1b"),
    ("1.1", False, "T2a"),
    ("1.1", True, "T2b"),
    ("2.0", False, "T2a"),
    ("2.0", True, "T2b"),
    ("2.1", False, "T3a"),
    ("2.1", True, "T3b"),
    ("4.0", False, "T3a"),
    ("4.0", True, "T3b"),
    ("4.1", False, "T4a"),
    ("4.1", True, "T4b"),
    ("35", True, "T4b"),
]


@pytest.mark.parametrize(("breslow", "ulcerated", "expected"), EVERY_T)
def test_t_category_of_every_row_and_both_sides_of_every_boundary(
    breslow: str, ulcerated: bool | None, expected: str
) -> None:
    found = stage(Pathology(Decimal(breslow), ulcerated))
    assert found is not None
    assert found.t_category == expected
    assert found.clinical_stage_group is None


@pytest.mark.parametrize(
    ("breslow", "recorded", "expected"),
    [
        ("0.74", "0.7", "T1a"),
        ("0.75", "0.8", "T1b"),
        ("0.84", "0.8", "T1b"),
        ("1.04", "1.0", "T1b"),
        ("1.05", "1.1", "T2a"),
        ("2.05", "2.1", "T3a"),
        ("4.049", "4.0", "T3a"),
        ("4.05", "4.1", "T4a"),
    ],
)
def test_thickness_is_recorded_to_a_tenth_of_a_millimetre_with_halves_up(
    breslow: str, recorded: str, expected: str
) -> None:
    found = stage(Pathology(Decimal(breslow), ulcerated=False))
    assert found is not None
    assert found.t_category == expected
    assert f"recorded as {recorded} mm" in found.basis


def test_an_invasive_melanoma_that_rounds_to_nothing_is_not_in_situ() -> None:
    found = stage(Pathology(Decimal("0.04"), ulcerated=False, n="0", m="0"))
    assert found is not None
    assert (found.t_category, found.clinical_stage_group) == ("T1a", "IA")


@pytest.mark.parametrize(
    ("breslow", "ulcerated", "expected"),
    [
        ("0", None, "0"),
        ("0.5", False, "IA"),
        ("0.5", True, "IB"),
        ("0.9", False, "IB"),
        ("1.5", False, "IB"),
        ("1.5", True, "IIA"),
        ("3", False, "IIA"),
        ("3", True, "IIB"),
        ("5", False, "IIB"),
        ("5", True, "IIC"),
    ],
)
def test_every_stage_group_with_n0_m0(breslow: str, ulcerated: bool | None, expected: str) -> None:
    found = stage(Pathology(Decimal(breslow), ulcerated, n="0", m="0"))
    assert found is not None
    assert found.clinical_stage_group == expected


@pytest.mark.parametrize("breslow", [None, Decimal(0), Decimal("0.5"), Decimal(5)])
@pytest.mark.parametrize("n", ["1", "N1a", "n2B", "3c"])
def test_any_t_with_nodes_is_stage_three(breslow: Decimal | None, n: str) -> None:
    found = stage(Pathology(breslow, ulcerated=False, n=n, m="M0"))
    assert found is not None
    assert found.clinical_stage_group == "III"


@pytest.mark.parametrize("m", ["1", "M1", "m1a", "M1d(1)"])
@pytest.mark.parametrize("n", [None, "NX", "0", "2"])
def test_any_t_and_n_with_metastasis_is_stage_four(n: str | None, m: str) -> None:
    found = stage(Pathology(n=n, m=m))
    assert found is not None
    assert (found.t_category, found.clinical_stage_group) == (None, "IV")


@pytest.mark.parametrize(
    ("pathology", "missing"),
    [
        (Pathology(Decimal("0.5"), False), "n, m"),
        (Pathology(Decimal("0.5"), False, n="0"), "m"),
        (Pathology(Decimal("0.5"), False, n="NX", m="0"), "n"),
        (Pathology(Decimal("0.5"), False, n="2"), "m"),
        (Pathology(n="0", m="0"), "breslow_mm, ulcerated"),
        (Pathology(ulcerated=True, n="0", m="0"), "breslow_mm"),
        (Pathology(Decimal("0.9"), n="0"), "m"),  # T1b, ulcerated or not
        (Pathology(Decimal("0.9")), "n, m"),
        (Pathology(Decimal("0.5"), n="0", m="0"), "ulcerated"),
        (Pathology(Decimal("1.5"), n="0"), "ulcerated, m"),
        (Pathology(Decimal(0), n="0"), "m"),
        (Pathology(n="1"), "m"),
        (Pathology(n="NX", m="0"), "breslow_mm, ulcerated, n"),
        (Pathology(m="0"), "breslow_mm, ulcerated, n"),
        (Pathology(ulcerated=True), "breslow_mm, n, m"),
    ],
)
def test_without_everything_that_is_needed_there_is_no_group_and_it_says_what_is_missing(
    pathology: Pathology, missing: str
) -> None:
    found = stage(pathology)
    assert found is not None
    assert found.clinical_stage_group is None
    assert found.basis.endswith(f"No stage group without {missing}.")


@pytest.mark.parametrize(
    ("breslow", "expected"), [("0.5", "T1"), ("0.9", "T1b"), ("1.5", "T2"), ("3", "T3"), ("5", "T4")]
)
def test_without_ulceration_the_letter_is_left_open_where_it_depends_on_it(breslow: str, expected: str) -> None:
    found = stage(Pathology(Decimal(breslow), n="0", m="0"))
    assert found is not None
    assert found.t_category == expected
    assert found.clinical_stage_group == ("IB" if expected == "T1b" else None)


def test_with_what_is_missing_there_is_a_group_and_without_any_part_of_it_there_is_none() -> None:
    likely: dict[str, Any] = {"breslow_mm": Decimal("1.5"), "ulcerated": False, "n": "0", "m": "0"}
    thicknesses = (None, Decimal(0), Decimal("0.5"), Decimal("0.9"), Decimal("1.5"))
    for sent in itertools.product(thicknesses, (None, False), (None, "0", "1"), (None, "0", "1")):
        pathology = Pathology(*sent)
        found = stage(pathology)
        if found is None:
            continue
        missing = re.findall(r"\w+", found.basis.partition(" No stage group without ")[2])
        whole = stage(replace(pathology, **{name: likely[name] for name in missing}))
        assert whole is not None
        assert whole.clinical_stage_group is not None
        for one in missing:
            rest = stage(replace(pathology, **{name: likely[name] for name in missing if name != one}))
            assert rest is None or rest.clinical_stage_group is None


@pytest.mark.parametrize(
    ("pathology", "group", "missing"),
    [
        (Pathology(Decimal(0), ulcerated=True, n="0", m="0"), None, ""),
        (Pathology(Decimal(0), ulcerated=True), None, " No stage group without n, m."),
        (Pathology(Decimal(0), ulcerated=True, n="1", m="0"), "III", ""),
        (Pathology(Decimal(0), ulcerated=True, m="1"), "IV", ""),
    ],
)
def test_a_melanoma_in_situ_that_is_ulcerated_contradicts_itself(
    pathology: Pathology, group: str | None, missing: str
) -> None:
    found = stage(pathology)
    assert found is not None
    assert (found.t_category, found.clinical_stage_group) == (None, group)
    assert found.basis.endswith(
        ". A melanoma in situ is not ulcerated: no T category, and no stage group that depends on it." + missing
    )


def test_what_does_not_round_to_in_situ_or_is_not_ulcerated_is_no_contradiction() -> None:
    for pathology, expected in ((Pathology(Decimal("0.04"), True), "T1b"), (Pathology(Decimal(0), False), "Tis")):
        found = stage(pathology)
        assert found is not None
        assert found.t_category == expected
        assert "is not ulcerated" not in found.basis


def test_nothing_sent_is_nothing_said() -> None:
    assert stage(Pathology()) is None


@pytest.mark.parametrize(
    "wrong", [Pathology(n="4"), Pathology(n="N0a"), Pathology(m="2"), Pathology(m="MX"), Pathology(Decimal(-1))]
)
def test_what_is_no_category_is_refused(wrong: Pathology) -> None:
    with pytest.raises(ValueError, match=r"category|negative"):
        stage(wrong)
