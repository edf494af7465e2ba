import json

from service.fhir.observations import Said
from service.fhir.staging import graded
from tests.service.fhir import samples
from tests.service.fhir.samples import CLASSIFIED, NOTE, bundle, coded, components, resources


def test_a_stage_grade_comes_with_what_it_was_learned_from_and_never_as_a_clinical_stage() -> None:
    whole = bundle("grade")
    found = coded(whole, "stage-grade")
    assert found["valueCodeableConcept"]["text"] == "Stage grade 2: resembles invasive"
    assert "no clinical stage" in found["code"]["text"]
    assert [note["text"] for note in found["note"]] == [
        "learned from painted lesions", "How well the data supports this grade: two sources", NOTE
    ]  # fmt: skip
    assert {name: one["value"] for name, one in components(found).items()} == {
        "stage-grade-1": 20, "stage-grade-2": 50, "stage-grade-3": 30
    }  # fmt: skip
    assert "21908-9" not in json.dumps(whole)
    url = found["device"]["reference"]
    (grader,) = [entry["resource"] for entry in whole["entry"] if entry["fullUrl"] == url]
    assert grader["identifier"][0]["value"] == "ef" * 32


def test_a_withheld_grade_has_no_value_and_says_why() -> None:
    found = coded(bundle("grade-withheld"), "stage-grade")
    assert not [member for member in found if member.startswith("value")]
    assert found["dataAbsentReason"]["text"] == "looks benign"
    assert found["dataAbsentReason"]["coding"][0]["code"] == "not-applicable"


def test_of_a_picture_that_nobody_judged_the_grade_is_unknown_and_not_none() -> None:
    found = coded(bundle("grade-abstained"), "stage-grade")
    assert found["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_a_grade_that_would_have_been_withheld_says_so_first() -> None:
    answer = samples.graded(CLASSIFIED)
    assert answer.grade is not None
    doubtful = answer.model_copy(update={"grade": answer.grade.model_copy(update={"caveat": "looks benign"})})
    said = Said({"reference": "x"}, "now", NOTE)
    assert graded(doubtful, said)["note"][0]["text"] == "This grade says little: looks benign"


def test_of_a_grader_that_does_not_say_how_well_a_grade_is_supported_nothing_is_said() -> None:
    answer = samples.graded(CLASSIFIED)
    assert answer.grade is not None
    silent = answer.model_copy(update={"grade": answer.grade.model_copy(update={"evidence": {"1": "one source"}})})
    found = graded(silent, Said({"reference": "x"}, "now", NOTE))
    assert [note["text"] for note in found["note"]] == ["learned from painted lesions", NOTE]


def test_a_stage_is_that_of_pathology_with_what_was_sent() -> None:
    whole = bundle("grade-ajcc")
    found = coded(whole, "21908-9")
    assert found["valueCodeableConcept"] == {"text": "AJCC 8 clinical stage group IB"}
    values = components(found)
    assert values["t-category"] == {"text": "T2a"}
    assert values["breslow-mm"] == {"value": 1.4, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"}
    assert (values["ulcerated"], values["n"], values["m"]) == (False, "N0", "0")
    assert "not from the image" in found["method"]["text"]
    url = next(e["fullUrl"] for e in whole["entry"] if e["resource"] == found)
    targets = [one["reference"] for one in resources(whole, "Provenance")[0]["target"]]
    assert url not in targets  # no model said it
    assert "meta" not in found


def test_a_stage_that_cannot_be_told_has_no_value_and_says_what_is_missing() -> None:
    found = coded(bundle("grade-ajcc-incomplete"), "21908-9")
    assert "valueCodeableConcept" not in found
    assert "No stage group without ulcerated, n, m" in found["dataAbsentReason"]["text"]
    assert components(found).keys() == {"t-category", "breslow-mm"}
