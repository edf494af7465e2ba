"""The stage grade that an image resembles, and the stage that pathology gives: two Observations that share nothing."""

from collections.abc import Iterator

from service.ajcc import Pathology
from service.answers import AjccInfo, GradeAnswer
from service.fhir.codes import CLINICAL_STAGE_GROUP, absent, own
from service.fhir.elements import CodeableConcept, Reference, concept, percent, quantity
from service.fhir.observations import Said
from service.fhir.resources import Observation, Valued

GRADE = "Stage grade that the image resembles; no clinical stage, which no image shows"


def graded(answer: GradeAnswer, said: Said) -> Observation:
    """The stage grade with what it was learned from; without a value where it was withheld."""
    made = said.observation(own("stage-grade", GRADE))
    grade = answer.grade
    if grade is None:
        # Of a picture that nobody judged a program must not read that it shows no melanoma.
        judged = answer.classification.decision != "abstained"
        reason = "not-applicable" if judged else "unknown"
        made["dataAbsentReason"] = absent(reason, answer.grade_withheld or "withheld")
        return made
    made["valueCodeableConcept"] = _grade(grade.stage, grade.meaning)
    remarks = [grade.label_policy]
    if (evidence := grade.evidence.get(str(grade.stage))) is not None:
        remarks.append(f"How well the data supports this grade: {evidence}")
    if grade.caveat is not None:
        remarks.insert(0, f"This grade says little: {grade.caveat}")
    made["note"] = [{"text": text} for text in (*remarks, said.note)]
    made["component"] = [
        {"code": _grade(int(stage), grade.meaning), "valueQuantity": percent(share)}
        for stage, share in grade.probabilities.items()
    ]
    return made


def concluded(answer: GradeAnswer) -> str:
    """The same in words, and what pathology gives: who reads the report's text alone must not miss either."""
    grade, found = answer.grade, answer.ajcc
    if grade is None:
        said = f"No stage grade: {answer.grade_withheld}"
    else:
        meaning = grade.meaning[str(grade.stage)]
        said = f"Resembles stage grade {grade.stage} ({meaning}), which is no clinical stage."
        said += f" {grade.caveat}" if grade.caveat else ""
    if found is None:
        return said
    group = found.clinical_stage_group or "that cannot be said"
    category = found.t_category or "that cannot be said"
    return f"{said} {found.edition}: T category {category}, clinical stage group {group}. {found.basis}"


def _grade(stage: int, meaning: dict[str, str]) -> CodeableConcept:
    return own(f"stage-grade-{stage}", f"Stage grade {stage}: {meaning[str(stage)]}", f"Stage grade {stage}")


def staged(found: AjccInfo, pathology: Pathology, service: Reference, issued: str) -> Observation:
    """The AJCC stage, with the pathology that the caller sent and that it was computed from. No model took part."""
    made: Observation = {
        "resourceType": "Observation",
        "status": "preliminary",
        "code": concept("Clinical stage group of the melanoma", CLINICAL_STAGE_GROUP),
        "issued": issued,
        "device": service,
        "method": own("ajcc-8", f"{found.edition}, computed from the pathology that was sent, not from the image"),
        "note": [{"text": found.basis}],
        "component": list(_pathology(found, pathology)),
    }
    if found.clinical_stage_group is None:
        made["dataAbsentReason"] = absent("unknown", found.basis)
    else:
        made["valueCodeableConcept"] = concept(f"{found.edition} clinical stage group {found.clinical_stage_group}")
    return made


def _pathology(found: AjccInfo, pathology: Pathology) -> Iterator[Valued]:
    if found.t_category is not None:
        yield {"code": own("t-category", "T category"), "valueCodeableConcept": concept(found.t_category)}
    if pathology.breslow_mm is not None:
        thickness = quantity(float(pathology.breslow_mm), "mm")
        yield {"code": own("breslow-mm", "Breslow thickness, as sent"), "valueQuantity": thickness}
    if pathology.ulcerated is not None:
        yield {"code": own("ulcerated", "Ulceration, as sent"), "valueBoolean": pathology.ulcerated}
    for name, sent in (("n", pathology.n), ("m", pathology.m)):
        if sent is not None:
            yield {"code": own(name, f"{name.upper()} category, as sent"), "valueString": sent}
