import pytest

from service.fhir.elements import Coding, concept, percent, quantity

CODE: Coding = {"system": "http://snomed.info/sct", "code": "95324001"}


def test_a_meaning_without_a_code_has_no_empty_list() -> None:
    assert concept("Decision") == {"text": "Decision"}
    assert concept("Skin lesion", CODE) == {"text": "Skin lesion", "coding": [CODE]}


def test_a_unit_is_ucum_s_for_people_and_programs_alike() -> None:
    assert quantity(1.4, "mm") == {"value": 1.4, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"}


@pytest.mark.parametrize(("share", "value"), [(0.0, 0), (0.07, 7), (0.29, 29), (0.0625, 6.25), (1.0, 100)])
def test_a_share_in_percent_has_the_digits_that_it_has(share: float, value: float) -> None:
    assert percent(share)["value"] == value
    assert percent(share)["code"] == "%"
