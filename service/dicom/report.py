"""The objects that an answer is written as: a structured report, and the heatmap as a picture beside it."""

import io

from highdicom.sr import ComprehensiveSR
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from service import VERSION
from service.answers import ClassifyAnswer, GradeAnswer
from service.dicom.content import content_of, new_uid
from service.dicom.overlay import overlay
from service.dicom.source import CHARACTERS, OFFSET, OTHERWISE, now_at, read_source
from service.inference import Job
from service.problems import UnreportableObject

SERIES_DESCRIPTION = "AI result, for research use only"
SERIES_NUMBER = 9_101


def as_report(answer: ClassifyAnswer | GradeAnswer, job: Job) -> bytes:
    """The report as a file.

    Raises:
        UnreportableObject: The object has what no report can take over.
    """
    return _file(report_of(answer, read_source(job.data)))


def as_objects(answer: ClassifyAnswer | GradeAnswer, job: Job) -> list[bytes]:
    """The report and, if an explanation was asked for, the heatmap over the picture as Secondary Capture, as files.

    Raises:
        UnreportableObject: As for `as_report`.
    """
    source = read_source(job.data)
    explanation = (answer if isinstance(answer, ClassifyAnswer) else answer.classification).explanation
    files = [_file(report_of(answer, source))]
    if explanation is not None:
        files.append(_file(overlay(explanation, source, job)))
    return files


def report_of(answer: ClassifyAnswer | GradeAnswer, source: Dataset) -> Dataset:
    """A TID 1500 report in the study of `source`: complete, not verified, preliminary.

    Raises:
        UnreportableObject: A value of the patient or of the study is not valid.
    """
    content = content_of(answer, source)
    try:
        report = ComprehensiveSR(
            evidence=[source],
            content=content[0],
            series_instance_uid=new_uid(),
            series_number=SERIES_NUMBER,
            sop_instance_uid=new_uid(),
            instance_number=1,
            manufacturer="melanoserve",
            manufacturer_model_name="melanoserve",
            software_versions=VERSION,
            device_serial_number=answer.model.sha256,
            series_description=SERIES_DESCRIPTION,
            specific_character_set=CHARACTERS,
            is_complete=True,
            is_final=False,
            is_verified=False,
        )
    except (ValueError, TypeError, AttributeError):
        # The text of the cause may quote the value.
        raise UnreportableObject(f"A value of patient or study of the DICOM object is not valid. {OTHERWISE}") from None
    now = now_at(source)
    report.ContentDate = report.InstanceCreationDate = DA(now.strftime("%Y%m%d"))
    report.ContentTime = report.InstanceCreationTime = TM(now.strftime("%H%M%S"))
    if OFFSET in source:
        setattr(report, OFFSET, source[OFFSET].value)
    return report


def _file(found: Dataset) -> bytes:
    out = io.BytesIO()
    found.save_as(out, enforce_file_format=True)
    return out.getvalue()
