"""What of an object must stand in a report about it: patient, study, and which object it is.

The libraries put values into their warnings and logs; here those are switched off, because a value may be a name.
"""

import io
import logging
import re
import warnings
from datetime import datetime

import pydicom
from highdicom.sr.sop import _SR  # noqa: F401 - its loggers must exist before they are switched off
from pydicom.charset import python_encoding
from pydicom.config import IGNORE, settings
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue

from dermoscopy.dicom.syntaxes import JPEG_BASELINE, JPEG_EXTENDED
from service.problems import UnreportableObject

warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)(\.|$)")
settings.reading_validation_mode = settings.writing_validation_mode = IGNORE
for _name in ("pydicom", *(name for name in logging.root.manager.loggerDict if name.startswith("highdicom"))):
    logging.getLogger(_name).disabled = True

REFERENCE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""Without these an object cannot be referred to."""

OF_THE_STUDY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID",
    "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "StudyDescription",
    "ReferringPhysicianName",
)  # fmt: skip
"""Modules Patient and General Study (PS3.3 sections C.7.1.1, C.7.2.1), as far as they are one value each."""

_RATIO = r" *\d{1,7}(\.\d{1,8})? *"
_METHOD = r"[A-Z0-9_ ]{1,16}"

OF_THE_PIXELS = {
    "BurnedInAnnotation": r"YES|NO",
    "RecognizableVisualFeatures": r"YES|NO",
    "LossyImageCompression": r"00|01",
    "LossyImageCompressionRatio": rf"{_RATIO}(\\{_RATIO})*",
    "LossyImageCompressionMethod": rf"{_METHOD}(\\{_METHOD})*",
    "Laterality": r"R|L",
    "ImageLaterality": r"R|L|U|B",
}
"""What holds of the pixels, and so of a picture that is made of them, and which values it can have.

Nothing of it must be there: a value that it cannot have counts as none, and keeps nobody from a report.
"""

OFFSET = "TimezoneOffsetFromUTC"
"""Of which clock the times are, where the object says so."""

_MAY_BE = OF_THE_PIXELS | {OFFSET: r"[+-](0\d|1[0-4])[0-5]\d"}

OF_THE_PICTURE = ("Rows", "Columns", "Modality", "NumberOfFrames")

_UID = re.compile(r"[0-9.]{1,64}")  # devices are known to write components with leading zeros

_ALLOWED = {
    "PatientBirthDate": ("date of birth", r"([0-9]{8})?"),
    "PatientSex": ("sex", r"[MFO]?"),
    "StudyDate": ("date of the study", r"([0-9]{8})?"),
    "StudyTime": ("time of the study", r"(([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?)?"),
}
"""What is said of values that have a form of their own, and the form (PS3.5 6.2)."""

CHARACTERS = "ISO_IR 192"

OTHERWISE = "Ask for application/json."
"""What a caller can do whose object no report can be made of."""


def number_of_frames(source: Dataset) -> int:
    """Of an object; 1 where it does not say."""
    try:
        return int(source.get("NumberOfFrames") or 1)
    except (ValueError, TypeError):
        return 1


def read_source(data: bytes) -> Dataset:
    """The attributes that a report takes over, as Unicode; nothing else of the object.

    Args:
        data: A file that `dermoscopy` has decoded, so its structure is sound and bounded.

    Raises:
        UnreportableObject: It does not name itself or its study, or what a report must repeat is not valid.
    """
    wanted = [*REFERENCE, *OF_THE_STUDY, *OF_THE_PICTURE]
    try:
        found = pydicom.dcmread(
            io.BytesIO(data), specific_tags=[*wanted, *_MAY_BE, "SpecificCharacterSet"], stop_before_pixels=True
        )
        source = _what_may_be(found)
        found.decode()
        for name in wanted:
            value = found.get(name)
            if value is not None or name in OF_THE_STUDY:
                setattr(source, name, value if value is not None else "")
    except Exception:  # noqa: BLE001 - whatever pydicom makes of damage that is no matter of the pixels
        raise UnreportableObject(f"The attributes of the DICOM object cannot be read. {OTHERWISE}") from None
    if any(not _UID.fullmatch(str(source.get(name, ""))) for name in REFERENCE):
        raise UnreportableObject(
            f"The SOP, series or study instance UID of the DICOM object is missing or not valid. {OTHERWISE}"
        )
    if any(isinstance(source.get(name), MultiValue) or "\\" in str(source.get(name)) for name in OF_THE_STUDY):
        raise UnreportableObject(
            f"An attribute of patient or study of the DICOM object has several values. {OTHERWISE}"
        )
    for name, (meant, form) in _ALLOWED.items():
        if not re.fullmatch(form, str(source.get(name)), re.ASCII):
            raise UnreportableObject(f"The {meant} in the DICOM object is not valid. {OTHERWISE}")
    text = "".join(str(source.get(name)) for name in OF_THE_STUDY)
    # An escape is the beginning of characters of a set that is not named (PS3.5 6.1.2.5), though all ASCII.
    if "\x1b" in text or (
        not text.isascii() and ("\ufffd" in text or not _is_known(found.get("SpecificCharacterSet")))
    ):
        raise UnreportableObject(
            f"Patient or study of the DICOM object have characters that its character set does not explain. {OTHERWISE}"
        )
    source.SpecificCharacterSet = CHARACTERS
    return source


def now_at(source: Dataset) -> datetime:
    """The time by the clock of the object's times, so that a report is not of another day than its study.

    Of an object that does not say which, this machine's.
    """
    return datetime.now(datetime.strptime(source[OFFSET].value, "%z").tzinfo if OFFSET in source else None)


def _what_may_be(found: FileDataset) -> Dataset:
    """What is said of pixels and clock; it is taken out of `found`, where pydicom would fail at what is no number."""
    taken = Dataset()
    for name, allowed in _MAY_BE.items():
        if name in found:
            text = _stored(found.get_item(name)).strip(" \0")
            del found[name]
            if re.fullmatch(allowed, text):
                setattr(taken, name, text)
    if found.file_meta.TransferSyntaxUID in (JPEG_BASELINE, JPEG_EXTENDED):
        # Always lossy, whatever the object says of it; the ratio may be left out, the fact may not.
        taken.LossyImageCompression = "01"
        if "LossyImageCompressionMethod" not in taken:
            taken.LossyImageCompressionMethod = "ISO_10918_1"
    return taken


def _stored(element: RawDataElement | DataElement | None) -> str:
    value = b"" if element is None else element.value
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")


def _is_known(characters: object) -> bool:
    """Whether an object says in which character sets its text is; of one that does not, pydicom takes any bytes."""
    terms = [str(term) for term in characters] if isinstance(characters, MultiValue) else [str(characters or "")]
    found = set(map(_plain, terms))
    return found <= _CHARACTER_SETS and not found <= _ASCII


def _plain(term: str) -> str:
    return re.sub(r"[ _-]", "", term).upper()


_CHARACTER_SETS = frozenset(map(_plain, python_encoding))
_ASCII = frozenset(map(_plain, ("", "ISO_IR 6", "ISO 2022 IR 6")))
