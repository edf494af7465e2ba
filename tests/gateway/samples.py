"""DICOM objects for tests: painted photographs, and the smallest report on one that a PACS takes."""

from __future__ import annotations

import io
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileMetaDataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLPhotographicImageStorage,
    generate_uid,
)

from dermoscopy.render import render_lesion

PATIENT = "Canary^Patient"
PATIENT_ID = "canary-4711"


def photograph(
    seed: int = 0,
    *,
    sop_class: str = VLPhotographicImageStorage,
    modality: str = "XC",
    jpeg: bool = False,
    study: str | None = None,
    instance: str | None = None,
    **attributes: Any,
) -> bytes:
    """A file with a painted picture, of today, in a study of its own by default.

    Args:
        seed: Of the picture's noise.
        sop_class: Its SOP Class UID.
        modality: Its modality.
        jpeg: Whether it is compressed (JPEG baseline).
        study: Study Instance UID.
        instance: SOP Instance UID.
        attributes: More of the data set, by keyword.
    """
    lesion = _lesion()
    noise = np.random.default_rng(seed).integers(-3, 4, lesion.shape)
    pixels = np.clip(lesion + noise, 0, 255).astype(np.uint8)
    dataset = _common(sop_class, modality, study or generate_uid(), instance or generate_uid())
    dataset.SamplesPerPixel = 3
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.PhotometricInterpretation = "YBR_FULL_422" if jpeg else "RGB"
    dataset.LossyImageCompression = "01" if jpeg else "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.PixelData = encapsulate([_jpeg(pixels)]) if jpeg else pixels.tobytes()
    dataset["PixelData"].VR = "OB"
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return _file(dataset, JPEGBaseline8Bit if jpeg else ExplicitVRLittleEndian)


@cache
def _lesion() -> NDArray[np.int16]:
    """int16[96, 128, 3]: one that the bundled classifier does not abstain from."""
    return render_lesion(3, side=128, malignancy=0.8)[16:-16].astype(np.int16)


def report_on(image: bytes, *, study: str | None = None) -> bytes:
    """A structured report that says nothing, on an image; into its study, or into another one."""
    of = dcmread(io.BytesIO(image), stop_before_pixels=True)
    dataset = _common(ComprehensiveSRStorage, "SR", study or of.StudyInstanceUID, generate_uid())
    dataset.PatientName, dataset.PatientID = of.PatientName, of.PatientID
    referenced, series, evidence = Dataset(), Dataset(), Dataset()
    referenced.ReferencedSOPClassUID, referenced.ReferencedSOPInstanceUID = of.SOPClassUID, of.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedSOPSequence = of.SeriesInstanceUID, [referenced]
    evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = of.StudyInstanceUID, [series]
    dataset.CurrentRequestedProcedureEvidenceSequence = [evidence]
    return _file(dataset, ExplicitVRLittleEndian)


def uids(file: bytes) -> tuple[str, str]:
    """Study and SOP instance UID of a file."""
    dataset = dcmread(io.BytesIO(file), stop_before_pixels=True)
    return str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID)


def _common(sop_class: str, modality: str, study: str, instance: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), UID(instance)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UID(study), generate_uid()
    dataset.PatientName, dataset.PatientID = PATIENT, PATIENT_ID
    dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = dataset.StudyID = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDate = dataset.ContentDate = date.today().strftime("%Y%m%d")
    dataset.StudyTime = dataset.ContentTime = "120000"
    dataset.Modality = modality
    dataset.Manufacturer = "painted"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    return dataset


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def _file(dataset: Dataset, transfer_syntax: str) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()
