"""An answer once more, in the forms that a clinic's systems keep: FHIR, and DICOM where the image came in DICOM."""

import json
from dataclasses import dataclass, field, replace

from client import ClassifyAnswer, Client, GradeAnswer, Image
from client.fhir import Bundle
from ui import captures
from ui.asking import Question


@dataclass(frozen=True)
class Reported:
    """What there is of an answer in DICOM.

    Attributes:
        report: The structured report, a file that names the patient.
        picture: The picture under its heatmap as a JPEG without metadata; None where there is none to show.
    """

    report: bytes = field(repr=False)
    picture: bytes | None = field(repr=False)


def bundle(client: Client, data: bytes, answer: GradeAnswer | ClassifyAnswer, question: Question) -> Bundle:
    """The answer in FHIR: the same question, to the version that answered it, although a label may have moved since.

    Args:
        client: Of the service.
        data: The file.
        answer: What was answered about it.
        question: What was asked about it.

    Raises:
        MelanoserveError: There is none.
    """
    again = replace(question, version=answer.model.version)
    if isinstance(answer, GradeAnswer):
        return client.grade_fhir(data, **again.for_grade())
    return client.classify_fhir(data, **again.for_classify())


def reported(client: Client, data: bytes, answer: GradeAnswer | ClassifyAnswer, question: Question) -> Reported:
    """The answer in DICOM; the arguments are those of `bundle`, of a DICOM file.

    Raises:
        MelanoserveError: There is none.
    """
    again = replace(question, version=answer.model.version)
    if isinstance(answer, GradeAnswer):
        found = client.grade_objects(data, **again.for_grade())
    else:
        found = client.classify_objects(data, **again.for_classify())
    return Reported(found.report, None if found.heatmap is None else captures.preview(found.heatmap))


def as_json(found: Bundle) -> str:
    """The bundle as a file."""
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def stem(image: Image) -> str:
    """How the files are called: after the image's digest, because the name of its file may be the patient's."""
    frame = "" if image.frame is None else f"-frame-{image.frame}"
    return f"melanoserve-{image.sha256[:12]}{frame}"
