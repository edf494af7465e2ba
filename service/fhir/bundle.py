"""An answer about an image as one FHIR Bundle.

It is a `collection`: an answer, not an order to write something into a record, which a `transaction` would be. Nothing
in it names a patient, whom the service does not know; `client.fhir` has what links and stores it.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from service.ajcc import Pathology
from service.answers import ClassifyAnswer, GradeAnswer, ImageInfo
from service.fhir.codes import ASSERTED_BY_AI, IMAGING_REPORT, REQUEST_ID, STATEMENT, own
from service.fhir.devices import model_device, provenance, service_device
from service.fhir.elements import Identifier, Reference, concept
from service.fhir.observations import Classified, Said, calibrated, classified, rule, told
from service.fhir.resources import Bundle, DiagnosticReport, Entry, Media, Observation
from service.fhir.staging import concluded, graded, staged
from service.inference import Job

MEDIA_TYPE = "application/fhir+json; fhirVersion=4.0"


def as_fhir(answer: ClassifyAnswer | GradeAnswer, job: Job) -> bytes:
    """The bundle of an answer as JSON."""
    bundle = bundle_of(answer, job.question.pathology, datetime.now(UTC))
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def bundle_of(answer: ClassifyAnswer | GradeAnswer, pathology: Pathology, now: datetime) -> Bundle:
    """The bundle of an answer.

    Args:
        answer: The same that would have been written as JSON.
        pathology: What the caller sent beside the image.
        now: When it is written, with a time zone.
    """
    issued = now.isoformat(timespec="milliseconds")
    decided: Classified = answer if isinstance(answer, ClassifyAnswer) else answer.classification
    classifier, service = model_device(decided.model, answer.intended_use), service_device()
    said = Said(classifier.reference, issued, answer.intended_use)
    models, found = [(decided.model, classifier)], list(classified(decided, said))
    if isinstance(answer, GradeAnswer):
        grader = model_device(answer.model, answer.intended_use)
        models.append((answer.model, grader))
        found.append(Entry(graded(answer, Said(grader.reference, issued, answer.intended_use))))
    pictures = [] if decided.explanation is None else [_heatmap(decided.explanation.heatmap_png, said)]
    asserted = [*(entry.reference for entry in found), *(entry.reference for entry in pictures)]
    if isinstance(answer, GradeAnswer) and answer.ajcc is not None:
        found.append(Entry(staged(answer.ajcc, pathology, service.reference, issued)))
    conclusion = _conclusion(decided, answer.image)
    if isinstance(answer, GradeAnswer):
        conclusion = f"{conclusion} {concluded(answer)}"
    report = Entry(_report(conclusion, found, pictures, said))
    record = provenance([report.reference, *asserted], models, service, answer.image, issued)
    devices = [*(device for _, device in models), service]
    statements: list[Entry[Any]] = [report, *found, *pictures]
    for entry in statements:
        entry.resource["identifier"] = [{"system": STATEMENT, "value": entry.url.removeprefix("urn:uuid:")}]
    whole: list[Entry[Any]] = [*statements, *devices, record]
    bundle: Bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": issued,
        "entry": [{"fullUrl": entry.url, "resource": entry.resource} for entry in whole],
    }
    if answer.request_id:
        # In the report too: a server that stores the resources does not store the bundle.
        asked: Identifier = {"system": REQUEST_ID, "value": answer.request_id}
        bundle["identifier"] = asked
        report.resource["identifier"].insert(0, asked)
    return bundle


def _heatmap(png: str, said: Said) -> Entry[Media]:
    return Entry(
        {
            "resourceType": "Media",
            "meta": {"security": [ASSERTED_BY_AI]},
            "status": "completed",
            "device": said.by,
            "content": {"contentType": "image/png", "data": png, "title": "Where the network found evidence"},
            "note": [{"text": said.note}],
        }
    )


def _report(
    concluded: str, found: Sequence[Entry[Observation]], pictures: Sequence[Entry[Media]], said: Said
) -> DiagnosticReport:
    conclusion = f"{concluded} {said.note}"
    results: list[Reference] = [entry.reference for entry in found]
    report: DiagnosticReport = {
        "resourceType": "DiagnosticReport",
        "meta": {"security": [ASSERTED_BY_AI]},
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(conclusion)}</p></div>',
        },
        "status": "preliminary",
        "category": [concept("Diagnostic Imaging", IMAGING_REPORT)],
        "code": own("report", "Dermoscopic image of one skin lesion, classified by artificial intelligence"),
        "issued": said.issued,
        "result": results,
        "conclusion": conclusion,
    }
    if pictures:
        report["media"] = [
            {"comment": "To be laid over the upright image", "link": picture.reference} for picture in pictures
        ]
    return report


def _conclusion(decided: Classified, image: ImageInfo) -> str:
    frame = "" if image.frame is None else f"Frame {image.frame} of the DICOM object. "
    if decided.probability is None:
        issues = [] if decided.quality is None else decided.quality.issues
        why = f" Of the image it says: {', '.join(issues)}." if issues else ""
        return f"{frame}The service abstained: no decision and no probability.{why}"
    point, probability = decided.operating_point, decided.probability
    return (
        f"{frame}Looks {decided.decision} at the operating point, with a probability of malignancy of "
        f"{told(probability, point, probability)}{calibrated(decided.calibrated_for_prevalence)}; no diagnosis. "
        f"{rule(point, probability)}."
    )
