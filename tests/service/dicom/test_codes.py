from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes as standard

from service.dicom import codes

OURS = [
    *(found for found in vars(codes).values() if isinstance(found, CodedConcept)),
    *codes.DECISIONS.values(), *codes.CLASS_PROBABILITY.values(),
    *(codes.grade_value(stage, "in situ") for stage in (1, 2, 3)), *map(codes.grade_probability, "123"),
]  # fmt: skip
OURS = [code for code in OURS if code.scheme_designator == codes.SCHEME]


def test_no_code_of_our_own_means_two_things() -> None:
    assert len({code.value for code in OURS}) == len({code.meaning for code in OURS}) == len(OURS) >= 25


def test_none_of_them_is_cut_off() -> None:
    assert all(len(code.value) < 16 for code in OURS)
    assert all(len(code.meaning) < 64 for code in OURS)


def test_a_meaning_that_is_too_long_is_cut_to_what_dicom_allows() -> None:
    assert len(codes.grade_value(1, "x" * 100).meaning) == 64


def test_those_of_the_standard_are_the_standard_s() -> None:
    assert standard.DCM.ProbabilityOfCancer == codes.PROBABILITY
    assert standard.DCM.ArtificialIntelligence == codes.ALGORITHM
    assert standard.DCM.ImagingMeasurementReport == codes.REPORT
    assert codes.DERMOSCOPY.scheme_designator == codes.LESION.scheme_designator == "SCT"


def test_no_decision_has_a_code_that_a_record_would_take_for_a_diagnosis() -> None:
    assert {code.scheme_designator for code in codes.DECISIONS.values()} == {codes.SCHEME}
