"""From an image's bytes to an answer. Blocking, about the cost of one decode and one or two predictions."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dermoscopy.limits import Limits
from dermoscopy.prepare import Prepared, prepare
from dermoscopy.quality import measure
from model_store.decision import Decision, decide, grade, grade_caveat, grade_withheld_reason, point_of
from model_store.errors import ImplausibleOutput
from model_store.gate import measures_hair
from model_store.manifest import Manifest
from service.ajcc import EDITION, Pathology, stage
from service.answers import (
    AjccInfo,
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
from service.audit.notes import Received
from service.heatmap import heatmap_png
from service.prevalence import at_prevalence
from service.progress import Progress
from service.versions import Served

Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Question:
    """What a request asks, besides which version it asks.

    Attributes:
        request_id: Comes back in the answer.
        operating_point: Its name; None for the version's default.
        explain: Whether to draw where the evidence is.
        prevalence: Of malignant lesions where the caller is, between 0 and 1; None if that was not said.
        always: Whether to give the grade also of what is called benign, or where another malignancy leads.
        pathology: What the caller knows from pathology.
        frame: Of a DICOM object, from 1.
    """

    request_id: str
    operating_point: str | None = None
    explain: bool = False
    prevalence: float | None = None
    always: bool = False
    pathology: Pathology = field(default_factory=Pathology)
    frame: int | None = None


@dataclass(frozen=True)
class Job:
    """One image to work on: its file, what is asked about it, how far it is, what the audit trail notes of it."""

    data: bytes
    limits: Limits
    question: Question
    progress: Progress
    received: Received = field(default_factory=Received)
    together: Callable[[], int] = lambda: 1
    """How many images are worked on side by side now, this one included."""


def check_point(served: Served, question: Question) -> None:
    """Whether what is asked can be answered, whatever the image: to be known before it is read.

    Raises:
        UnknownOperatingPoint: The classifier, or that of the grader, has no such operating point.
    """
    classifier = served.classifier or served
    if classifier.stored.manifest.task == "classification":
        point_of(classifier.stored.manifest, question.operating_point)


def classify(classifier: Served, job: Job) -> ClassifyAnswer:
    """Answers /classify.

    Raises:
        ImageError: The bytes are no image that can be classified.
        UnknownOperatingPoint: The version has no such operating point.
        ImplausibleOutput: The model's output cannot be an answer.
        DeadlineExceeded, ClientLeft: Nobody waits for the answer any more.
    """
    prepared, image = _decode(job)
    job.progress.enter("run")
    classification, _ = _classify(classifier, prepared, job)
    job.progress.enter("write")
    return ClassifyAnswer(
        request_id=job.question.request_id,
        **dict(classification),
        image=image,
        intended_use=classifier.stored.manifest.intended_use,
    )


def grade_image(grader: Served, job: Job) -> GradeAnswer:
    """Answers /grade: the classification by the classifier that the grader pins, and the grade.

    Raises:
        ImageError: The bytes are no image that can be graded.
        UnknownOperatingPoint: The classifier has no such operating point.
        ImplausibleOutput: A model's output cannot be an answer.
        DeadlineExceeded, ClientLeft: Nobody waits for the answer any more.
    """
    if grader.classifier is None:
        raise ImplausibleOutput("This grader pins no classifier.")
    prepared, image = _decode(job)
    question = job.question
    job.progress.enter("run")
    classification, decision = _classify(grader.classifier, prepared, job)
    reason = grade_withheld_reason(decision)
    given = reason is None or (question.always and decision.decision != "abstained")
    graded = _grade(grader, prepared, job, caveat=grade_caveat(decision)) if given else None
    job.progress.enter("write")
    return GradeAnswer(
        request_id=question.request_id,
        classification=classification,
        grade=graded,
        grade_withheld=None if given else reason,
        ajcc=_ajcc(question.pathology),
        image=image,
        model=_model(grader),
        intended_use=grader.stored.manifest.intended_use,
    )


def _decode(job: Job) -> tuple[Prepared, ImageInfo]:
    job.progress.enter("decode")
    # Before anything can be wrong with it: the trail says of a damaged image, too, which it was.
    sha256 = job.received.sha256 = hashlib.sha256(job.data).hexdigest()
    prepared = prepare(job.data, limits=job.limits, frame=job.question.frame)
    image = ImageInfo(
        sha256=sha256,
        media_type=prepared.media_type,
        width=prepared.width,
        height=prepared.height,
        frame=job.question.frame,
    )
    return prepared, image


def _run(served: Served, prepared: Prepared, job: Job) -> Outputs:
    return served.runtime.run(prepared.pixels[np.newaxis], together=job.together())


def _classify(classifier: Served, prepared: Prepared, job: Job) -> tuple[Classification, Decision]:
    manifest, question = classifier.stored.manifest, job.question
    limits = None if manifest.gate is None else manifest.gate.limits
    measures = None if limits is None else measure(prepared, hair=measures_hair(limits))
    outputs = _run(classifier, prepared, job)
    decision = decide(manifest, outputs, 0, question.operating_point, measures=measures)
    explained = question.explain and decision.decision != "abstained"
    classification = Classification(
        decision=decision.decision,
        probability=decision.probability,
        calibrated_for_prevalence=None if manifest.calibration is None else manifest.calibration.prevalence,
        classes=decision.classes,
        differential=_differential(decision),
        operating_point=(point := _operating_point(manifest, decision)),
        at_prevalence=at_prevalence(point, decision.probability, manifest.calibration, question.prevalence),
        quality=None if decision.issues is None else Quality(acceptable=not decision.issues, issues=decision.issues),
        model=_model(classifier),
        explanation=_explanation(outputs, prepared) if explained else None,
    )
    return classification, decision


def _differential(decision: Decision) -> list[SuspectedInfo] | None:
    if decision.differential is None:
        return None
    return [
        SuspectedInfo(code=one.code, name=one.name, icd10=one.icd10, probability=one.probability)
        for one in decision.differential
    ]


def _grade(grader: Served, prepared: Prepared, job: Job, caveat: str | None) -> GradeInfo:
    manifest = grader.stored.manifest
    graded = grade(manifest, _run(grader, prepared, job), 0)
    return GradeInfo(
        stage=graded.stage,
        probabilities=graded.probabilities,
        meaning=manifest.classes,
        label_policy=manifest.label_policy,
        evidence=manifest.evidence,
        caveat=caveat,
    )


def _ajcc(pathology: Pathology) -> AjccInfo | None:
    found = stage(pathology)
    if found is None:
        return None
    return AjccInfo(
        t_category=found.t_category,
        clinical_stage_group=found.clinical_stage_group,
        edition=EDITION,
        basis=found.basis,
    )


def _explanation(outputs: Outputs, prepared: Prepared) -> Explanation:
    activation = outputs.get("activation_map")
    if activation is None or activation.ndim != 3:
        raise ImplausibleOutput("The model returned no activation map.")
    return Explanation(heatmap_png=heatmap_png(activation[0], prepared.width, prepared.height))


def _operating_point(manifest: Manifest, decision: Decision) -> OperatingPointInfo:
    point = decision.operating_point
    melanomas = manifest.melanoma_sensitivity(point)
    return OperatingPointInfo(
        name=point.name,
        threshold=point.threshold,
        sensitivity=point.sensitivity.value,
        sensitivity_ci=(point.sensitivity.low, point.sensitivity.high),
        melanoma_sensitivity=None if melanomas is None else melanomas.value,
        melanoma_sensitivity_ci=None if melanomas is None else (melanomas.low, melanomas.high),
        specificity=point.specificity.value,
        specificity_ci=(point.specificity.low, point.specificity.high),
        measured_on=point.measured_on,
    )


def _model(served: Served) -> ModelInfo:
    return ModelInfo(
        name=served.stored.name,
        version=served.stored.version,
        sha256=served.stored.digest,
        runtime=served.runtime.name,
        precision=served.runtime.precision,
    )
