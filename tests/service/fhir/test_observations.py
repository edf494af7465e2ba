import pytest

from service.fhir.observations import Said, classified, rule
from tests.service.fhir.samples import (
    ABSTAINED,
    CLASSIFIED,
    NAMED_AFTER_MELANOMA,
    POINT,
    bundle,
    coded,
    components,
    resources,
)


def test_the_probability_is_a_percentage_with_its_operating_point_in_words() -> None:
    found = coded(bundle("classify"), "111047")
    assert found["valueQuantity"] == {
        "value": 37.012345, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"
    }  # fmt: skip
    assert found["referenceRange"] == [{"text": rule(POINT)}]
    assert rule(POINT) == (
        "Called malignant from a probability of 0.300000 on: operating point sensitive, sensitivity 0.954 (95 % CI "
        "0.929 to 0.975), specificity 0.613 (95 % CI 0.572 to 0.656), measured on: painted lesions"
    )


def test_for_which_prevalence_a_probability_is_calibrated_stands_beside_it() -> None:
    assert "component" not in coded(bundle("classify"), "111047")
    decided = CLASSIFIED.model_copy(update={"calibrated_for_prevalence": 0.2})
    probability, *_ = classified(decided, Said({"reference": "x"}, "now", "note"))
    assert components(dict(probability.resource))["calibrated-for"]["value"] == 20
    unfit = ABSTAINED.model_copy(update={"calibrated_for_prevalence": 0.2})
    abstained, *_ = classified(unfit, Said({"reference": "x"}, "now", "note"))
    assert "component" not in abstained.resource


def test_the_decision_is_no_diagnosis_s_code_and_has_what_decided_it() -> None:
    whole = bundle("classify")
    found = coded(whole, "decision")
    (coding,) = found["valueCodeableConcept"]["coding"]
    assert (coding["code"], coding["system"].startswith("urn:uuid:")) == ("malignant", True)
    assert (coding["display"], found["valueCodeableConcept"]["text"]) == (
        "malignant", "looks malignant at the operating point"
    )  # fmt: skip
    assert found["method"]["coding"][0]["code"] == "operating-point-sensitive"
    values = components(found)
    assert values["threshold"]["value"] == 30
    assert (values["sensitivity"]["value"], values["specificity"]["value"]) == (95.36, 61.26)
    assert [values["sensitivity-ci"][end]["value"] for end in ("low", "high")] == [92.91, 97.49]
    assert [values["specificity-ci"][end]["value"] for end in ("low", "high")] == [57.19, 65.57]
    probability = next(e["fullUrl"] for e in whole["entry"] if e["resource"] == coded(whole, "111047"))
    assert found["derivedFrom"] == [{"reference": probability}]


def test_what_it_is_worth_at_the_caller_s_prevalence_is_told_where_it_was_asked() -> None:
    assert "at-prevalence" not in str(bundle("classify"))
    whole = bundle("classify-at-prevalence")
    values = components(coded(whole, "at-prevalence"))
    assert {name: values[name]["value"] for name in ("prevalence", "probability", "ppv", "npv")} == {
        "prevalence": 5, "probability": 11.0, "ppv": 11.4, "npv": 99.6
    }  # fmt: skip
    assert [values["npv-ci"][end]["value"] for end in ("low", "high")] == [99.3, 99.8]
    note = coded(whole, "at-prevalence")["note"][0]["text"]
    assert note.startswith("Where 5 % of the lesions are malignant, computed and not measured there")


def test_of_melanomas_alone_it_is_told_where_it_was_measured() -> None:
    assert "melanoma-sensitivity" not in components(coded(bundle("classify"), "decision"))
    decided = CLASSIFIED.model_copy(update={"operating_point": NAMED_AFTER_MELANOMA})
    _, decision, *_ = classified(decided, Said({"reference": "x"}, "now", "note"))
    values = components(dict(decision.resource))
    assert values["melanoma-sensitivity"]["value"] == 90.83
    assert [values["melanoma-sensitivity-ci"][end]["value"] for end in ("low", "high")] == [85.62, 95.31]
    assert (
        "sensitivity 0.954 (95 % CI 0.929 to 0.975), of melanomas alone 0.908 (95 % CI 0.856 to 0.953), specificity"
    ) in rule(NAMED_AFTER_MELANOMA)


@pytest.mark.parametrize(("name", "code"), [("a", "a"), ("of  all ", "of-all")])
def test_every_operating_point_has_a_code_of_its_own(name: str, code: str) -> None:
    decided = CLASSIFIED.model_copy(update={"operating_point": POINT.model_copy(update={"name": name})})
    _, decision, *_ = classified(decided, Said({"reference": "x"}, "now", "note"))
    method = decision.resource["method"]
    assert method["coding"][0]["code"] == f"operating-point-{code}"
    assert method["text"] == f"Operating point {name}"


def test_classes_and_diagnoses_are_components_and_no_diagnosis_has_a_code_of_a_record() -> None:
    whole = bundle("classify")
    shares = components(coded(whole, "class-probabilities"))
    assert {name: one["value"] / 100 for name, one in shares.items()} == pytest.approx(CLASSIFIED.classes)
    differential = coded(whole, "differential")
    assert [one["code"]["text"] for one in differential["component"]] == [
        "naevus (ICD-10 D22)", "melanoma (ICD-10 C43, D03)"
    ]  # fmt: skip
    systems = {coding["system"] for one in differential["component"] for coding in one["code"]["coding"]}
    assert all(system.startswith("urn:uuid:") for system in systems)


@pytest.mark.parametrize("name", ["classify-abstained", "grade-abstained"])
def test_an_abstained_decision_has_no_value_and_says_why(name: str) -> None:
    whole = bundle(name)
    for code in ("111047", "decision"):
        found = coded(whole, code)
        assert not [member for member in found if member.startswith("value")]
        assert found["dataAbsentReason"]["coding"][0]["code"] == "unknown"
        assert found["dataAbsentReason"]["text"] == "The service abstained: blurred, too_dark"
    quality = coded(whole, "quality")
    assert quality["valueBoolean"] is False
    assert [one["valueString"] for one in quality["component"]] == ["blurred", "too_dark"]
    codes = {one["code"]["coding"][0]["code"] for one in resources(whole, "Observation")}
    assert codes - {"stage-grade"} == {"111047", "decision", "quality"}


def test_quality_that_was_not_measured_is_not_mentioned() -> None:
    assert "quality" not in {one["code"]["coding"][0]["code"] for one in resources(bundle("classify"), "Observation")}
