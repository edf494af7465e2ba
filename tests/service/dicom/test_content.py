"""What the content tree of a report says of an answer; test_report.py has whole reports, as a PACS gets them."""

from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest
from pydicom.dataset import Dataset

from service.answers import ClassifyAnswer, GradeAnswer
from service.dicom.content import content_of, new_uid
from service.dicom.source import read_source
from service.fhir.devices import service_device
from tests.dermoscopy.dicom_files import STUDY, native, rgb
from tests.service.fhir.samples import (
    ABSTAINED,
    AT_PREVALENCE,
    CLASSIFIED,
    IMAGE,
    INCOMPLETE,
    NAMED_AFTER_MELANOMA,
    STAGED,
    graded,
)

SOURCE = read_source(native(rgb()))


def meaning(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def groups(answer: ClassifyAnswer | GradeAnswer, source: Dataset = SOURCE) -> list[Dataset]:
    """The groups of measurements of the answer's report."""
    (tree,) = content_of(answer, source)
    (measured,) = [item for item in tree.ContentSequence if meaning(item) == "Imaging Measurements"]
    return list(measured.ContentSequence)


def said(group: Dataset) -> dict[str, Any]:
    """Name -> number, text or code value of what a group says; of a repeated name the last."""
    found: dict[str, Any] = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            found[meaning(item)] = float(item.MeasuredValueSequence[0].NumericValue)
        elif item.ValueType == "CODE":
            found[meaning(item)] = item.ConceptCodeSequence[0].CodeValue
        else:
            found[meaning(item)] = item.get("TextValue", item.get("UID"))
    return found


def test_probabilities_are_percentages_with_four_digits_behind_the_point() -> None:
    (group,) = groups(CLASSIFIED)
    numbers = {name: value for name, value in said(group).items() if name.startswith("Probability")}
    assert numbers == {
        "Probability of cancer": 37.0123,
        "Probability of melanoma": 35.0,
        "Probability of another malignancy or precursor": 2.0123,
        "Probability of a benign lesion": 62.9877,
    }


def test_a_class_without_a_code_is_left_out_and_not_given_another_one() -> None:
    (group,) = groups(CLASSIFIED.model_copy(update={"classes": {"melanoma": 0.35, "unheard_of": 0.65}}))
    assert [name for name in said(group) if name.startswith("Probability")] == [
        "Probability of cancer",
        "Probability of melanoma",
    ]


def test_the_operating_point_is_told_with_what_it_was_measured_to_do() -> None:
    assert said(groups(CLASSIFIED)[0])["Operating point"] == (
        "sensitive: malignant from a probability of 0.300000; sensitivity 0.9536 (0.9291 to 0.9749), "
        "specificity 0.6126 (0.5719 to 0.6557), measured on painted lesions"
    )


def test_what_it_is_worth_at_the_caller_s_prevalence_is_told_where_it_was_asked() -> None:
    name = "What the decision is worth at the prevalence asked for"
    assert name not in said(groups(CLASSIFIED)[0])
    assert said(groups(AT_PREVALENCE)[0])[name] == (
        "Where 5 % of the lesions are malignant, computed and not measured there: probability of malignancy 0.110000; "
        "of those called malignant 0.1140 (0.1020 to 0.1300) are (PPV), of those called benign 0.9960 (0.9930 to "
        "0.9980) are (NPV)."
    )


def test_for_which_prevalence_a_probability_is_calibrated_stands_beside_it() -> None:
    name = "Prevalence for which the probability is calibrated"
    (group,) = groups(CLASSIFIED.model_copy(update={"calibrated_for_prevalence": 0.2}))
    assert said(group)[name] == "20 %; where malignant lesions are rarer, the probability is too high"
    for answer in (CLASSIFIED, ABSTAINED.model_copy(update={"calibrated_for_prevalence": 0.2})):
        assert name not in said(groups(answer)[0])


def test_of_melanomas_alone_it_is_told_where_it_was_measured() -> None:
    (group,) = groups(CLASSIFIED.model_copy(update={"operating_point": NAMED_AFTER_MELANOMA}))
    assert "sensitivity 0.9536 (0.9291 to 0.9749), of melanomas alone 0.9083 (0.8562 to 0.9531), specificity" in str(
        said(group)["Operating point"]
    )


def test_threshold_and_probability_do_not_look_alike_where_one_is_below_the_other() -> None:
    point = CLASSIFIED.operating_point.model_copy(update={"threshold": 0.071512})
    below = {"decision": "benign", "probability": 0.0715, "operating_point": point}
    found = said(groups(CLASSIFIED.model_copy(update=below))[0])
    assert found["Probability of cancer"] == 7.15
    assert "malignant from a probability of 0.071512;" in found["Operating point"]
    nearly = below | {"probability": 0.0715119988}
    found = said(groups(CLASSIFIED.model_copy(update=nearly))[0])
    assert found["Probability of cancer"] == 7.1511999
    assert "malignant from a probability of 0.071512000;" in found["Operating point"]


def test_a_lesion_is_found_in_no_image_that_is_not_fit() -> None:
    withheld: dict[str, Any] = {"grade": None, "grade_withheld": "The image is not fit."}
    assert [said(group).get("Finding") for group in groups(graded(ABSTAINED, STAGED, **withheld))] == [
        None, None, "95324001",
    ]  # fmt: skip
    assert [said(group).get("Finding") for group in groups(graded(CLASSIFIED))] == ["95324001", "95324001"]


def test_of_an_image_that_is_not_fit_every_issue_is_told_and_no_number() -> None:
    (group,) = groups(ABSTAINED)
    assert said(group)["Decision at the operating point"] == "abstained"
    issues = [item.TextValue for item in group.ContentSequence if meaning(item).startswith("Why the image")]
    assert issues == ["blurred", "too_dark"]
    assert not [item for item in group.ContentSequence if item.ValueType == "NUM"]


@pytest.mark.parametrize("caveat", [None, "It looks benign."])
def test_a_grade_comes_with_the_evidence_for_it_and_with_a_caveat_only_where_there_is_one(caveat: str | None) -> None:
    answer = graded(CLASSIFIED)
    assert answer.grade is not None
    _, group = groups(answer.model_copy(update={"grade": answer.grade.model_copy(update={"caveat": caveat})}))
    found = said(group)
    assert found["Stage grade that the image resembles; no clinical stage"] == "grade-2"
    assert found["How well the data supports this stage grade"] == "two sources"
    assert found["Probability of resembling stage grade 2"] == 50.0
    assert found.get("Caveat") == caveat
    assert (found["Algorithm Name"], found["Algorithm Version"]) == ("melanoserve grader", "3")


def test_a_withheld_grade_is_a_reason_and_nothing_else() -> None:
    _, group = groups(graded(CLASSIFIED, grade=None, grade_withheld="The lesion looks benign."))
    found = said(group)
    assert found["Why there is no stage grade"] == "The lesion looks benign."
    assert not any(name.startswith(("Probability", "Stage grade", "Caveat")) for name in found)


@pytest.mark.parametrize(("pathology", "told"), [(STAGED, True), (INCOMPLETE, False)])
def test_of_a_stage_from_pathology_only_what_follows_is_told_and_no_model_has_part_in_it(
    pathology: Any, told: bool
) -> None:
    answer = graded(CLASSIFIED, pathology)
    assert answer.ajcc is not None
    _, _, group = groups(answer)
    found = said(group)
    assert ("AJCC clinical stage group, from pathology sent" in found) == told
    assert found["From what the AJCC stage was computed"] == f"{answer.ajcc.edition}. {answer.ajcc.basis}"
    assert not any(name.startswith("Algorithm") for name in found)


def test_all_groups_are_about_one_lesion_and_those_of_a_model_about_the_image_that_was_sent() -> None:
    found = groups(graded(CLASSIFIED, STAGED))
    assert len({said(group)["Tracking Unique Identifier"] for group in found}) == 1
    *seen, pathology = found
    assert not [item for item in pathology.ContentSequence if item.ValueType == "IMAGE"]
    for group in seen:
        (image,) = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == f"{STUDY}.3"


@pytest.mark.parametrize(("frames", "frame", "named"), [(3, None, None), (3, 2, 2), (1, 1, None), (None, 1, None)])
def test_a_frame_is_named_where_one_of_several_was_asked_for(
    frames: int | None, frame: int | None, named: int | None
) -> None:
    source = deepcopy(SOURCE)
    if frames is not None:
        source.NumberOfFrames = frames
    answer = CLASSIFIED.model_copy(update={"image": IMAGE.model_copy(update={"frame": frame})})
    (group,) = groups(answer, source)
    (image,) = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].get("ReferencedFrameNumber") == named


def test_no_two_uids_are_the_same_and_each_fits_into_its_element() -> None:
    uids = {new_uid() for _ in range(100)}
    assert len(uids) == 100
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_every_report_is_of_the_same_device_which_is_that_of_fhir() -> None:
    trees = [content_of(CLASSIFIED, SOURCE)[0] for _ in range(2)]
    seen = {item.UID for tree in trees for item in tree.ContentSequence if meaning(item) == "Device Observer UID"}
    assert seen == {f"2.25.{UUID(service_device().url.removeprefix('urn:uuid:')).int}"}
