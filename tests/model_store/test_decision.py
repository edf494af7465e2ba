from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.quality import Measures, measure_pixels
from model_store.decision import (
    Decision,
    ImplausibleOutput,
    UnknownOperatingPoint,
    decide,
    grade,
    grade_caveat,
    grade_withheld_reason,
)
from model_store.manifest import Limit, Manifest
from model_store.store import Store
from tests.tiny_models import GATE, MELANOMA, picture

Outputs = dict[str, NDArray[Any]]


@pytest.fixture
def manifest(pristine: Store) -> Manifest:
    """Operating points "sensitive" (0.3, the default) and "specific" (0.7)."""
    return pristine.open("classifier", 1).manifest


@pytest.fixture
def grader(pristine: Store) -> Manifest:
    return pristine.open("grader", 1).manifest


def outputs(*rows: tuple[float, float, float]) -> Outputs:
    """The diagnoses are mel, bcc, nv and bkl; of benign a tenth is bkl."""
    classes = np.asarray(rows, np.float32)
    diagnoses = np.concatenate([classes[:, :2], classes[:, 2:] * np.array([0.9, 0.1], np.float32)], axis=1)
    return {"probability": classes[:, 0] + classes[:, 1], "classes": classes, "diagnoses": diagnoses}


def test_the_row_that_was_asked_for(manifest: Manifest) -> None:
    batch = outputs((0.7, 0.2, 0.1), (0.1, 0.1, 0.8))
    first, second = decide(manifest, batch, 0), decide(manifest, batch, 1)
    assert (first.decision, second.decision) == ("malignant", "benign")
    assert first.probability == pytest.approx(0.9)
    assert second.classes == pytest.approx({"melanoma": 0.1, "other_malignant": 0.1, "benign": 0.8})
    assert list(second.classes or {}) == ["melanoma", "other_malignant", "benign"]


def test_the_operating_point_decides(manifest: Manifest) -> None:
    row = outputs((0.4, 0.1, 0.5))
    assert decide(manifest, row, 0).operating_point.name == "sensitive"
    assert decide(manifest, row, 0).decision == "malignant"
    assert decide(manifest, row, 0, "specific").operating_point.threshold == 0.7
    assert decide(manifest, row, 0, "specific").decision == "benign"


def test_the_threshold_itself_is_malignant(manifest: Manifest) -> None:
    point = manifest.operating_points[0].model_copy(update={"threshold": 0.25})
    exact = manifest.model_copy(update={"operating_points": [point]})
    below = np.nextafter(np.float32(0.25), np.float32(0))
    assert decide(exact, outputs((0.25, 0, 0.75)), 0).decision == "malignant"
    assert decide(exact, outputs((float(below), 0, 0.75)), 0).decision == "benign"


def test_an_unknown_operating_point(manifest: Manifest) -> None:
    with pytest.raises(UnknownOperatingPoint, match="sensitive, specific"):
        decide(manifest, outputs((0.7, 0.2, 0.1)), 0, "none such")


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ((np.nan, 0.5, 0.5), "not between 0 and 1"),
        ((np.inf, 0, 0), "not between 0 and 1"),
        ((-0.1, 0.6, 0.5), "not between 0 and 1"),
        ((1.1, 0, 0), "not between 0 and 1"),
        ((0.3, 0.3, 0.3), "do not sum to 1"),
        ((0.4, 0.4, 0.202), "do not sum to 1"),
        ((0, 0, 0), "do not sum to 1"),
    ],
)
def test_numbers_that_cannot_be_an_answer(manifest: Manifest, row: tuple[float, float, float], complaint: str) -> None:
    with pytest.raises(ImplausibleOutput, match=complaint):
        decide(manifest, outputs(row), 0)


@pytest.mark.parametrize("probability", [np.nan, -0.01, 1.01, 0.5, 0.898])
def test_a_probability_that_contradicts_its_classes(manifest: Manifest, probability: float) -> None:
    contradictory = outputs((0.7, 0.2, 0.1)) | {"probability": np.asarray([probability], np.float32)}
    with pytest.raises(ImplausibleOutput):
        decide(manifest, contradictory, 0)


def test_rounding_is_no_contradiction(manifest: Manifest) -> None:
    assert decide(manifest, outputs((0.7, 0.2, 0.1004)), 0).decision == "malignant"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"probability": np.zeros((1, 1), np.float32)}, r"shape \(1,\)"),
        ({"classes": np.asarray([[0.5, 0.5]], np.float32)}, "not one for each of its 3 classes"),
        ({"classes": np.asarray([0.9], np.float32)}, "not one for each"),
    ],
)
def test_outputs_of_another_shape(manifest: Manifest, change: Outputs, complaint: str) -> None:
    with pytest.raises(ImplausibleOutput, match=complaint):
        decide(manifest, outputs((0.7, 0.2, 0.1)) | change, 0)


@pytest.mark.parametrize("missing", ["probability", "classes", "diagnoses"])
def test_a_missing_output(manifest: Manifest, missing: str) -> None:
    row = outputs((0.7, 0.2, 0.1))
    del row[missing]
    with pytest.raises(ImplausibleOutput, match=f"no {missing}"):
        decide(manifest, row, 0)


@pytest.mark.parametrize("row", [-1, 1])
def test_no_row_but_those_of_the_batch(manifest: Manifest, row: int) -> None:
    """A negative row would quietly be another patient's."""
    with pytest.raises(ImplausibleOutput, match=f"row {row} is not there"):
        decide(manifest, outputs((0.7, 0.2, 0.1)), row)


def test_the_differential_names_the_three_likeliest(manifest: Manifest) -> None:
    found = decide(manifest, outputs((0.05, 0.3, 0.65)), 0).differential
    assert found is not None
    assert [(one.code, one.icd10) for one in found] == [("nv", ["D22"]), ("bcc", ["C44"]), ("bkl", ["L82"])]
    assert [one.probability for one in found] == pytest.approx([0.585, 0.3, 0.065])


def test_a_version_that_tells_no_diagnoses_apart_has_no_differential(manifest: Manifest) -> None:
    row = outputs((0.7, 0.2, 0.1))
    del row["diagnoses"]
    assert decide(manifest.model_copy(update={"diagnoses": {}}), row, 0).differential is None


@pytest.mark.parametrize(
    ("diagnoses", "complaint"),
    [
        ([0.7, 0.2, 0.1], "not one for each of its 4 diagnoses"),
        ([0.2, 0.7, 0.05, 0.05], "contradict its probability of melanoma"),
        ([0.7, 0.2, 0.2, 0.1], "do not sum to 1"),
        ([0.7, 0.2, np.nan, 0.1], "not between 0 and 1"),
    ],
)
def test_diagnoses_that_cannot_be(manifest: Manifest, diagnoses: list[float], complaint: str) -> None:
    contradictory = outputs((0.7, 0.2, 0.1)) | {"diagnoses": np.asarray([diagnoses], np.float32)}
    with pytest.raises(ImplausibleOutput, match=complaint):
        decide(manifest, contradictory, 0)


def test_grade(grader: Manifest) -> None:
    batch: Outputs = {"probabilities": np.asarray([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.4, 0.2, 0.4]], np.float32)}
    assert [grade(grader, batch, row).stage for row in range(3)] == [2, 1, 3]
    assert grade(grader, batch, 0).probabilities == pytest.approx({"1": 0.1, "2": 0.7, "3": 0.2})


@pytest.mark.parametrize("row", [(np.nan, 0.5, 0.5), (0.5, 0.1, 0.1), (2, -1, 0)])
def test_no_grade_from_numbers_that_cannot_be_one(grader: Manifest, row: tuple[float, float, float]) -> None:
    with pytest.raises(ImplausibleOutput):
        grade(grader, {"probabilities": np.asarray([row], np.float32)}, 0)


def decided(manifest: Manifest, *row: float, point: str = "sensitive") -> Decision:
    melanoma, other, benign = row
    return decide(manifest, outputs((melanoma, other, benign)), 0, point)


def test_a_grade_is_withheld_unless_melanoma_leads(manifest: Manifest) -> None:
    assert grade_withheld_reason(decided(manifest, 0.6, 0.2, 0.2)) is None
    assert (
        grade_withheld_reason(decided(manifest, 0.2, 0.15, 0.65)) is None
    )  # malignant at 0.3, though benign is likelier
    benign = grade_withheld_reason(decided(manifest, 0.6, 0.05, 0.35, point="specific"))
    assert benign is not None
    assert "benign" in benign
    for melanoma, other in [(0.2, 0.6), (0.4, 0.4)]:
        reason = grade_withheld_reason(decided(manifest, melanoma, other, 0.2))
        assert reason is not None
        assert "at least as likely" in reason


def test_a_grade_of_what_is_more_likely_benign_says_so(manifest: Manifest) -> None:
    assert grade_caveat(decided(manifest, 0.2, 0.15, 0.65)) == (
        "The lesion is more likely benign (probability 0.650) than a melanoma: the grade only says what it would "
        "resemble if it were one."
    )
    # Likeliest of all classes, though less likely than all malignancies together.
    assert "more likely benign (probability 0.450)" in str(grade_caveat(decided(manifest, 0.35, 0.2, 0.45)))
    for benign, told in [(0.9994, "0.999"), (0.9996, "above 0.999")]:
        assert f"(probability {told})" in str(grade_caveat(decided(manifest, 1 - benign, 0, benign)))
    for melanoma, other, benign in [(0.6, 0.2, 0.2), (0.5, 0, 0.5)]:
        assert grade_caveat(decided(manifest, melanoma, other, benign)) is None


@pytest.mark.parametrize(("row", "also"), [((0.1, 0.1, 0.8), True), ((0.1, 0.3, 0.6), True), ((0.2, 0.6, 0.2), False)])
def test_a_grade_that_would_be_withheld_has_both_reasons(
    manifest: Manifest, row: tuple[float, float, float], also: bool
) -> None:
    found = decided(manifest, *row)
    reason, caveat = grade_withheld_reason(found), str(grade_caveat(found))
    assert reason is not None
    assert caveat.startswith(reason)
    assert ("The lesion is more likely benign" in caveat) == also


@pytest.fixture
def gated(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"gate": GATE})


def _shown(colour: tuple[int, int, int], side: int = 224) -> Measures:
    return measure_pixels(picture(colour), side)


def test_an_unfit_image_has_issues_and_no_score(gated: Manifest) -> None:
    row = outputs((0.7, 0.2, 0.1)) | {"dermoscopic": np.array([0.2], np.float32)}
    found = decide(gated, row, 0, measures=_shown((5, 5, 5), side=40))
    assert (found.decision, found.probability, found.classes, found.differential) == ("abstained", None, None, None)
    assert found.issues == ["not_dermoscopic", "too_dark", "too_small"]
    assert found.operating_point.name == "sensitive"
    reason = grade_withheld_reason(found)
    assert reason is not None
    assert "too_dark" in reason


def test_a_fit_image_has_none(gated: Manifest) -> None:
    row = outputs((0.7, 0.2, 0.1)) | {"dermoscopic": np.array([0.9], np.float32)}
    found = decide(gated, row, 0, measures=_shown(MELANOMA))
    assert (found.decision, found.issues) == ("malignant", [])


def test_without_a_gate_nothing_is_said_of_quality(manifest: Manifest) -> None:
    assert decide(manifest, outputs((0.7, 0.2, 0.1)), 0, measures=_shown((5, 5, 5))).issues is None


def test_a_gate_is_never_passed_by(gated: Manifest) -> None:
    row = outputs((0.7, 0.2, 0.1))
    with pytest.raises(ValueError, match="has a gate"):
        decide(gated, row | {"dermoscopic": np.array([0.9], np.float32)}, 0)
    with pytest.raises(ImplausibleOutput, match="no dermoscopic"):
        decide(gated, row, 0, measures=_shown(MELANOMA))
    with pytest.raises(ImplausibleOutput):
        decide(gated, row | {"dermoscopic": np.array([np.nan], np.float32)}, 0, measures=_shown(MELANOMA))


def test_a_version_is_asked_only_for_what_its_own_limits_are_on(gated: Manifest) -> None:
    row = outputs((0.7, 0.2, 0.1)) | {"dermoscopic": np.array([0.9], np.float32)}
    assert gated.gate is not None
    ruler = Limit(issue="ruler", measure="free_of_ruler", least=0.3)
    limits = gated.gate.model_copy(update={"limits": [*gated.gate.limits, ruler]})
    newer = gated.model_copy(update={"gate": limits})
    assert decide(gated, row, 0, measures=_shown(MELANOMA)).issues == []
    with pytest.raises(ImplausibleOutput, match="no free_of_ruler"):
        decide(newer, row, 0, measures=_shown(MELANOMA))
    row["free_of_ruler"] = np.array([0.2], np.float32)
    assert decide(newer, row, 0, measures=_shown(MELANOMA)).issues == ["ruler"]
