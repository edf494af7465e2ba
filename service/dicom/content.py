"""The content tree of a report: TID 1500, one group of measurements for what each model said, one for AJCC."""

from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset

from service import VERSION
from service.answers import AjccInfo, Classification, ClassifyAnswer, GradeAnswer, ModelInfo, OperatingPointInfo
from service.dicom import codes
from service.dicom.source import number_of_frames
from service.fhir.devices import service_device
from service.places import LEAST, MOST, places_of
from service.prevalence import in_words

Classified = ClassifyAnswer | Classification
Texts = Sequence[tuple[CodedConcept, str | None]]

_OURSELVES = f"2.25.{UUID(service_device().url.removeprefix('urn:uuid:')).int}"
"""This software as a device that observes (PS3.16 TID 1004): the same one in every report, and in FHIR."""


def new_uid() -> str:
    """A UID that nobody else makes (PS3.5 annex B.2)."""
    return f"2.25.{uuid4().int}"


def content_of(answer: ClassifyAnswer | GradeAnswer, source: Dataset) -> MeasurementReport:
    """What a report says.

    Args:
        answer: The same that would have been written as JSON.
        source: The object that it is about.
    """
    decided: Classified = answer if isinstance(answer, ClassifyAnswer) else answer.classification
    about = _Groups(source, answer.image.frame, fit=decided.decision != "abstained")
    groups = [about.classified(decided, answer)]
    if isinstance(answer, GradeAnswer):
        groups.append(about.graded(answer))
        if answer.ajcc is not None:
            groups.append(about.staged(answer.ajcc))
    observer = DeviceObserverIdentifyingAttributes(
        uid=_OURSELVES, name="melanoserve", manufacturer_name="melanoserve", model_name=VERSION
    )
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=ObserverContext(codes.DEVICE, observer)),
        procedure_reported=codes.DERMOSCOPY,
        imaging_measurements=groups,
        title=codes.REPORT,
    )


class _Groups:
    """Makes groups of measurements about one object."""

    def __init__(self, source: Dataset, frame: int | None, *, fit: bool) -> None:
        # Of an object with one frame it must not be named (PS3.3 table 10-3: type 1C).
        frames = [frame] if frame is not None and number_of_frames(source) > 1 else None
        self._image = SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID, frames)
        self._lesion = new_uid()
        # Of an image that is not fit nobody knows whether it shows a lesion at all.
        self._seen = codes.LESION if fit else None

    def classified(
        self, decided: Classified, answer: ClassifyAnswer | GradeAnswer
    ) -> MeasurementsAndQualitativeEvaluations:
        """The decision with its probabilities; without any of them where there is none."""
        measured = []
        point = decided.operating_point
        places = places_of(decided.probability, point.threshold)
        if decided.probability is not None:
            measured = [_percent(codes.PROBABILITY, decided.probability, places)]
            for name, value in (decided.classes or {}).items():
                if name in codes.CLASS_PROBABILITY:
                    measured.append(_percent(codes.CLASS_PROBABILITY[name], value))
        issues = [] if decided.quality is None else decided.quality.issues
        texts = [
            (codes.CALIBRATED_FOR, _calibrated(decided)),
            (codes.OPERATING_POINT, _operating_point(point, places)),
            (codes.AT_PREVALENCE, None if decided.at_prevalence is None else in_words(decided.at_prevalence)),
            *((codes.QUALITY_ISSUE, issue) for issue in issues),
            (codes.INTENDED_USE, answer.intended_use),
            (codes.IMAGE_DIGEST, answer.image.sha256),
            (codes.REQUEST, answer.request_id),
        ]
        said = [(codes.DECISION, codes.DECISIONS[decided.decision])]
        return self._group("lesion", decided.model, measured, said, texts)

    def graded(self, answer: GradeAnswer) -> MeasurementsAndQualitativeEvaluations:
        """The stage grade, or why there is none."""
        grade = answer.grade
        if grade is None:
            texts: Texts = [(codes.WITHHELD, answer.grade_withheld)]
            return self._group("stage grade", answer.model, [], [], texts)
        meaning = grade.meaning[str(grade.stage)]
        measured = [_percent(codes.grade_probability(stage), value) for stage, value in grade.probabilities.items()]
        texts = [
            (codes.LABEL_POLICY, grade.label_policy),
            (codes.EVIDENCE, grade.evidence.get(str(grade.stage))),
            (codes.CAVEAT, grade.caveat),
        ]
        said = [(codes.STAGE_GRADE, codes.grade_value(grade.stage, meaning))]
        return self._group("stage grade", answer.model, measured, said, texts)

    def staged(self, ajcc: AjccInfo) -> MeasurementsAndQualitativeEvaluations:
        """What follows from pathology that the caller sent; neither a model nor the image has part in it."""
        texts = [
            (codes.AJCC_T, ajcc.t_category),
            (codes.AJCC_GROUP, ajcc.clinical_stage_group),
            (codes.AJCC_BASIS, f"{ajcc.edition}. {ajcc.basis}"),
        ]
        return self._group("pathology", None, [], [], texts)

    def _group(
        self,
        name: str,
        model: ModelInfo | None,
        measured: Sequence[Measurement],
        said: Sequence[tuple[CodedConcept, CodedConcept]],
        texts: Texts,
    ) -> MeasurementsAndQualitativeEvaluations:
        group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(uid=self._lesion, identifier=name),
            finding_type=codes.LESION if model is None else self._seen,
            algorithm_id=None if model is None else _algorithm(model),
            measurements=measured or None,
            qualitative_evaluations=[QualitativeEvaluation(*one) for one in said] or None,
            # What no model said was not seen in the image either, and must not be recorded as measured on it.
            source_images=None if model is None else [self._image],
        )
        group[0].ContentSequence.extend(_texts(texts))
        return group


def _texts(texts: Texts) -> Iterator[TextContentItem]:
    for name, text in texts:
        if text:
            yield TextContentItem(name, text, RelationshipTypeValues.CONTAINS)


def _percent(name: CodedConcept, probability: float, places: int = LEAST) -> Measurement:
    """In percent, so with two places behind the point fewer; more, where it would read as none or all."""
    while 0 < probability < 1 and places < MOST and round(100 * probability, places - 2) in {0, 100}:
        places += 1
    return Measurement(name, round(100 * probability, places - 2), codes.PERCENT)


def _algorithm(model: ModelInfo) -> AlgorithmIdentification:
    parameters = [f"sha256={model.sha256}", f"runtime={model.runtime}", f"precision={model.precision}"]
    return AlgorithmIdentification(
        f"melanoserve {model.name}", str(model.version), parameters, family=codes.ALGORITHM, manufacturer="melanoserve"
    )


def _calibrated(decided: Classified) -> str | None:
    prevalence = decided.calibrated_for_prevalence
    if decided.probability is None or prevalence is None:
        return None
    return f"{100 * prevalence:.4g} %; where malignant lesions are rarer, the probability is too high"


def _operating_point(point: OperatingPointInfo, places: int) -> str:
    melanomas = ""
    if point.melanoma_sensitivity is not None and point.melanoma_sensitivity_ci is not None:
        low, high = point.melanoma_sensitivity_ci
        melanomas = f"of melanomas alone {point.melanoma_sensitivity:.4g} ({low:.4g} to {high:.4g}), "
    return (
        f"{point.name}: malignant from a probability of {point.threshold:.{places}f}; "
        f"sensitivity {point.sensitivity:.4g} "
        f"({point.sensitivity_ci[0]:.4g} to {point.sensitivity_ci[1]:.4g}), {melanomas}"
        f"specificity {point.specificity:.4g} "
        f"({point.specificity_ci[0]:.4g} to {point.specificity_ci[1]:.4g}), measured on {point.measured_on}"
    )
