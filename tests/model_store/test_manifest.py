import json
from typing import Any

import pytest
from pydantic import ValidationError

from model_store.manifest import Manifest
from model_store.store import Store


@pytest.fixture(params=["classifier", "grader"])
def manifest(request: pytest.FixtureRequest, pristine: Store) -> Manifest:
    return pristine.open(request.param, 1).manifest


@pytest.fixture
def classifier(pristine: Store) -> dict[str, Any]:
    return pristine.open("classifier", 1).manifest.model_dump(mode="json")


@pytest.fixture
def grader(pristine: Store) -> dict[str, Any]:
    return pristine.open("grader", 1).manifest.model_dump(mode="json")


def test_what_is_written_is_read_again(manifest: Manifest) -> None:
    data = manifest.to_bytes()
    assert Manifest.model_validate_json(data) == manifest
    assert data.endswith(b"}\n")


def test_it_cannot_be_changed(manifest: Manifest) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        manifest.version = 2


def test_the_order_of_classes_survives(pristine: Store) -> None:
    written = json.loads(pristine.open("classifier", 1).manifest.to_bytes())
    assert list(written["classes"]) == ["melanoma", "other_malignant", "benign"]


def test_validated_finds_exactly_what_is_listed(pristine: Store) -> None:
    manifest = pristine.open("classifier", 1).manifest
    found = manifest.validated("openvino", "bf16")
    assert found is not None
    assert found.tolerance == 0.05
    assert manifest.validated("tensorflow", "bf16") is None


def test_of_melanomas_alone_it_says_what_was_measured_on_the_same_images(classifier: dict[str, Any]) -> None:
    plain = Manifest.model_validate(classifier)
    (point, other), (painted,) = plain.operating_points, classifier["evaluations"].values()
    assert plain.melanoma_sensitivity(point) is None
    painted["metrics"][f"melanoma_sensitivity@{point.name}"] = {"value": 0.7, "low": 0.6, "high": 0.8}
    measured = Manifest.model_validate(classifier)
    found = measured.melanoma_sensitivity(point)
    assert found is not None
    assert (found.value, found.low, found.high) == (0.7, 0.6, 0.8)
    assert measured.melanoma_sensitivity(other) is None
    assert measured.melanoma_sensitivity(point.model_copy(update={"measured_on": "others"})) is None
    classifier["evaluations"]["again"] = painted  # which of two is meant nobody knows
    assert Manifest.model_validate(classifier).melanoma_sensitivity(point) is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"unknown": 1}, "Extra inputs"),
        ({"schema_version": 2}, "Input should be 1"),
        ({"version": 0}, "greater than or equal to 1"),
        ({"name": "../classifier"}, "pattern"),
        ({"name": "Classifier"}, "pattern"),
        ({"created": "2026-01-02T03:04:05"}, "timezone"),
        ({"default_operating_point": "none such"}, "must be one of sensitive, specific"),
        ({"default_operating_point": None}, "must be one of"),
        ({"operating_points": [], "default_operating_point": None}, "at least one operating point"),
        ({"classes": {"malignant": "", "other": ""}}, "needs the class 'benign'"),
        ({"evidence": {"4": "none"}}, "does not have"),
        ({"diagnoses": {"nv": {"name": "mole", "icd10": ["D22"], "class_name": "harmless"}}}, "does not have"),
        ({"diagnoses": {"nv": {"name": "mole", "icd10": ["a mole"], "class_name": "benign"}}}, "pattern"),
        ({"diagnoses": {"nv": {"name": "mole", "icd10": [], "class_name": "benign"}}}, "at least 1 item"),
        ({"classifier": {"name": "classifier", "version": 1, "digest": "0" * 64}}, "only a grader"),
        ({"golden": []}, "at least 1 item"),
        ({"golden": [{"file": "golden/99.png", "outputs": {"probability": [0.5]}}]}, "does not list golden/99.png"),
        ({"golden": [{"file": "../00.png", "outputs": {"probability": [0.5]}}]}, "not a plain relative path"),
    ],
)
def test_a_classifier_that_contradicts_itself(classifier: dict[str, Any], change: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Manifest.model_validate(classifier | change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"classifier": None}, "must pin its classifier"),
        ({"classes": {"i": "", "ii": ""}}, "stage numbers"),
        ({"classes": {"01": "", "02": ""}}, "stage numbers"),  # an answer names its stage as a number
        ({"classes": {"\N{ARABIC-INDIC DIGIT ONE}": "", "2": ""}}, "stage numbers"),
        ({"default_operating_point": "sensitive"}, "not there"),
    ],
)
def test_a_grader_that_contradicts_itself(grader: dict[str, Any], change: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Manifest.model_validate(grader | change)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\\b", ".hidden", "a/.b", "", "a/"])
def test_files_stay_inside_the_version(classifier: dict[str, Any], path: str) -> None:
    classifier["files"][path] = {"sha256": "0" * 64, "size": 1}
    with pytest.raises(ValidationError, match="not a plain relative path"):
        Manifest.model_validate(classifier)


def test_a_manifest_cannot_list_itself(classifier: dict[str, Any]) -> None:
    classifier["files"]["manifest.json"] = {"sha256": "0" * 64, "size": 1}
    with pytest.raises(ValidationError, match="cannot list itself"):
        Manifest.model_validate(classifier)


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index"])
def test_a_saved_model_is_listed_whole(classifier: dict[str, Any], file: str) -> None:
    del classifier["files"][file]
    with pytest.raises(ValidationError, match=f"does not list {file}"):
        Manifest.model_validate(classifier)


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), 0, 1, -0.1])
def test_a_threshold_is_a_number_that_divides(classifier: dict[str, Any], threshold: float) -> None:
    classifier["operating_points"][0]["threshold"] = threshold
    with pytest.raises(ValidationError):
        Manifest.model_validate(classifier)


@pytest.mark.parametrize("figure", ["sensitivity", "specificity"])
@pytest.mark.parametrize("part", ["value", "low", "high"])
def test_what_a_threshold_does_is_told_in_shares_of_one(classifier: dict[str, Any], figure: str, part: str) -> None:
    classifier["operating_points"][0][figure][part] = 93.3
    with pytest.raises(ValidationError, match="shares from 0 to 1"):
        Manifest.model_validate(classifier)


@pytest.mark.parametrize("field", ["operating_points", "runtimes"])
def test_nothing_is_listed_twice(classifier: dict[str, Any], field: str) -> None:
    classifier[field].append(classifier[field][0])
    with pytest.raises(ValidationError, match=r"distinct|once"):
        Manifest.model_validate(classifier)


@pytest.mark.parametrize("tolerance", [0, 0.2])
def test_a_tolerance_that_tells_nothing_or_allows_anything(classifier: dict[str, Any], tolerance: float) -> None:
    classifier["runtimes"][0]["tolerance"] = tolerance
    with pytest.raises(ValidationError, match="tolerance"):
        Manifest.model_validate(classifier)
