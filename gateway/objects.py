"""DICOM objects as the gateway sees them: which image it is, whose study it is in, and whether a report belongs to it.

An image is known by its key, a hash of its SOP Instance UID: state and logs hold keys, so that nothing of a patient is
left once the files of an item are gone.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.filereader import read_dataset, read_preamble
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, SecondaryCaptureImageStorage, VLPhotographicImageStorage

DERMOSCOPIC_PHOTOGRAPHY = UID("1.2.840.10008.5.1.4.1.1.77.1.7")
"""Dermoscopic Photography Image Storage (supplement 221)."""

WANTED = (VLPhotographicImageStorage, DERMOSCOPIC_PHOTOGRAPHY, SecondaryCaptureImageStorage)
"""SOP classes of photographs; everything else is refused, and left alone by the poller."""

OURS = "melanoserve"
"""Manufacturer of what the service makes: a heatmap is a Secondary Capture, too, and nothing is asked about it."""

MOST_INFLATED = 200_000_000
"""Bytes; 50 megapixels in colour are 150 million. pydicom inflates all of an object before it reads any of it."""

_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")  # devices are known to write components with leading zeros
_FILE_META = 0x0002
_AT_ONCE = 4096
"""Bytes; they grow to a thousand times as many at most."""
_OF_A_PERSON = ("PatientName", "PatientBirthDate", "PatientSex", "IssuerOfPatientID")


class NoDicomObject(ValueError):
    """The bytes cannot be read as a DICOM object with the UIDs that it needs; the text quotes nothing of it."""


@dataclass(frozen=True)
class Identity:
    """What an object is, and where it belongs."""

    sop_class: str
    sop_instance: str
    study: str
    patient: str
    manufacturer: str
    person: tuple[str, ...]
    """Name, date of birth, sex, and who issued the patient's ID, without what fills them up."""

    @property
    def key(self) -> str:
        """Names the image in state, logs and listings."""
        return key_of(self.sop_instance)


def is_uid(text: str) -> bool:
    """Whether it is a unique identifier (PS3.5 9.1), leading zeros let pass."""
    return _UID.fullmatch(text) is not None


def key_of(sop_instance_uid: str) -> str:
    """The key of the image with this UID: 32 hex digits."""
    return hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:32]


def identity(data: bytes) -> Identity:
    """Who an object is, read from the start of its file without its pixels.

    Args:
        data: A DICOM file (PS3.10).

    Raises:
        NoDicomObject: It cannot be read, or SOP class, instance or study is missing.
    """
    return _identity(_read(data))


def belongs(report: bytes, image: Identity) -> bool:
    """Whether a report is of the image's patient and study and names the image as its evidence.

    A report that went to somebody else's study would be the worst that can happen here, so it is not taken on trust.
    """
    try:
        dataset = _read(report)
        of, evidence = _identity(dataset), _evidence(dataset)
    except Exception:  # noqa: BLE001 - whatever cannot be read of it does not say that it belongs
        return False
    return (of.study, of.patient) == (image.study, image.patient) and image.sop_instance in evidence


def is_of(report: bytes, person: tuple[str, ...]) -> bool:
    """Whether a report says of the patient what `Identity.person` does: an ID may be empty, or another's elsewhere."""
    try:
        return _identity(_read(report)).person == person
    except NoDicomObject:
        return False


def _evidence(report: Dataset) -> set[str]:
    """SOP Instance UIDs of CurrentRequestedProcedureEvidenceSequence (PS3.3 C.17.2)."""
    return {
        str(instance.get("ReferencedSOPInstanceUID"))
        for study in report.get("CurrentRequestedProcedureEvidenceSequence", [])
        for series in study.get("ReferencedSeriesSequence", [])
        for instance in series.get("ReferencedSOPSequence", [])
    }


def _identity(dataset: Dataset) -> Identity:
    def said(name: str) -> str:
        return str(dataset.get(name) or "")

    try:  # values are read where they are asked for
        of = Identity(
            said("SOPClassUID"),
            said("SOPInstanceUID"),
            said("StudyInstanceUID"),
            said("PatientID"),
            said("Manufacturer"),
            tuple(said(name).rstrip(" ^=\0") for name in _OF_A_PERSON),
        )
    except Exception as error:  # as above
        raise NoDicomObject("a value that is needed cannot be read") from error
    for uid in (of.sop_class, of.sop_instance, of.study):
        if not is_uid(uid):
            raise NoDicomObject("SOP class, instance or study is missing or no UID")
    return of


def _read(data: bytes) -> Dataset:
    try:
        dataset = dcmread(BytesIO(data), stop_before_pixels=True) if _inflated(data) <= MOST_INFLATED else None
    except Exception as error:  # pydicom raises whatever a damaged file leads to
        raise NoDicomObject("the bytes are no DICOM file") from error
    if dataset is None:
        raise NoDicomObject("inflated, the object is too large")
    return dataset


def _inflated(data: bytes) -> int:
    """Bytes that a deflated object (PS3.5 A.5) has, counted up to a little more than `MOST_INFLATED`; 0 of others."""
    file = BytesIO(data)
    read_preamble(file, force=False)
    meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag >> 16 != _FILE_META)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return 0
    inflater, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for at in range(file.tell(), len(data), _AT_ONCE):
        count += len(inflater.decompress(data[at : at + _AT_ONCE]))
        if inflater.eof or count > MOST_INFLATED:
            break
    return count
