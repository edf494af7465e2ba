"""Answers of every kind, as the service gives them, and their bundles."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from service.ajcc import EDITION, Pathology, stage
from service.answers import (
    AjccInfo,
    AtPrevalence,
    Classification,
    ClassifyAnswer,
    Explanation,
    GradeAnswer,
    GradeInfo,
    ImageInfo,
    ModelInfo,
    OperatingPointInfo,
    Quality,
    SuspectedInfo,
)
from service.fhir.bundle import bundle_of

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
NOTE = 'For research use only: "p < 1" & never the sole basis.'

POINT = OperatingPointInfo(
    name="sensitive", threshold=0.3, measured_on="painted lesions",
    sensitivity=0.9536, sensitivity_ci=(0.9291, 0.9749), specificity=0.6126, specificity_ci=(0.5719, 0.6557),
)  # fmt: skip
NAMED_AFTER_MELANOMA = POINT.model_copy(
    update={"melanoma_sensitivity": 0.9083, "melanoma_sensitivity_ci": (0.8562, 0.9531)}
)
IMAGE = ImageInfo(sha256="ab" * 32, media_type="image/jpeg", width=1022, height=767)
CLASSIFIER = ModelInfo(name="classifier", version=2, sha256="cd" * 32, runtime="openvino", precision="bf16")
GRADER = ModelInfo(name="grader", version=3, sha256="ef" * 32, runtime="openvino", precision="bf16")

CLASSIFIED = ClassifyAnswer(
    request_id="c4a354019b13",
    decision="malignant",
    probability=0.37012345,
    classes={"melanoma": 0.35, "other_malignant": 0.02012345, "benign": 0.62987655},
    differential=[
        SuspectedInfo(code="nv", name="naevus", icd10=["D22"], probability=0.6),
        SuspectedInfo(code="mel", name="melanoma", icd10=["C43", "D03"], probability=0.35),
    ],
    operating_point=POINT,
    image=IMAGE,
    model=CLASSIFIER,
    explanation=Explanation(heatmap_png="aGVsbG8="),
    intended_use=NOTE,
)
AT_PREVALENCE = CLASSIFIED.model_copy(
    update={
        "at_prevalence": AtPrevalence(
            prevalence=0.05, probability=0.11, ppv=0.114, ppv_ci=(0.102, 0.13), npv=0.996, npv_ci=(0.993, 0.998)
        )
    }
)
ABSTAINED = CLASSIFIED.model_copy(
    update={
        "decision": "abstained", "probability": None, "classes": None, "differential": None, "explanation": None,
        "quality": Quality(acceptable=False, issues=["blurred", "too_dark"]),
    }
)  # fmt: skip


def classification(answer: ClassifyAnswer) -> Classification:
    return Classification(**{name: getattr(answer, name) for name in Classification.model_fields})


def graded(answer: ClassifyAnswer, pathology: Pathology | None = None, **changes: Any) -> GradeAnswer:
    """What /grade says of what /classify says this of."""
    found = stage(pathology) if pathology else None
    grade = GradeInfo(
        stage=2,
        probabilities={"1": 0.2, "2": 0.5, "3": 0.3},
        meaning={"1": "resembles in situ", "2": "resembles invasive", "3": "resembles metastasis"},
        label_policy="learned from painted lesions",
        evidence={"1": "one source", "2": "two sources", "3": "three sources"},
        caveat=None,
    )
    ajcc = found and AjccInfo(
        t_category=found.t_category, clinical_stage_group=found.clinical_stage_group, edition=EDITION, basis=found.basis
    )
    fields: dict[str, Any] = {"grade": grade, "grade_withheld": None, "ajcc": ajcc} | changes
    return GradeAnswer(
        request_id="05d7", classification=classification(answer), image=IMAGE, model=GRADER, intended_use=NOTE, **fields
    )


STAGED = Pathology(Decimal("1.40"), ulcerated=False, n="N0", m="0")
INCOMPLETE = Pathology(Decimal("1.40"))
ANSWERS: dict[str, tuple[ClassifyAnswer | GradeAnswer, Pathology]] = {
    "classify": (CLASSIFIED, Pathology()),
    "classify-at-prevalence": (AT_PREVALENCE, Pathology()),
    "classify-calibrated": (CLASSIFIED.model_copy(update={"calibrated_for_prevalence": 0.2}), Pathology()),
    "classify-abstained": (ABSTAINED, Pathology()),
    "grade": (graded(CLASSIFIED), Pathology()),
    "grade-withheld": (graded(CLASSIFIED, grade=None, grade_withheld="looks benign"), Pathology()),
    "grade-abstained": (graded(ABSTAINED, grade=None, grade_withheld="abstained"), Pathology()),
    "grade-ajcc": (graded(CLASSIFIED, STAGED), STAGED),
    "grade-ajcc-incomplete": (graded(CLASSIFIED, INCOMPLETE), INCOMPLETE),
}


def bundle(name: str) -> dict[str, Any]:
    """The bundle of one of the answers, as a client reads it."""
    answer, pathology = ANSWERS[name]
    read: dict[str, Any] = json.loads(json.dumps(bundle_of(answer, pathology, NOW)))
    return read


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Its resources of one type."""
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def coded(bundle: dict[str, Any], code: str) -> dict[str, Any]:
    """Its one Observation with a code."""
    (found,) = [one for one in resources(bundle, "Observation") if one["code"]["coding"][0]["code"] == code]
    return found


def components(observation: dict[str, Any]) -> dict[str, Any]:
    """Code -> value of the components of an Observation."""
    return {
        one["code"].get("coding", [{"code": None}])[0]["code"]: next(v for k, v in one.items() if k.startswith("value"))
        for one in observation["component"]
    }
