"""One labelled image and what its source records of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from training.labels import Label

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp"})

OTHER_SUFFIXES = frozenset({
    ".dcm", ".dicom", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".gif", ".dng", ".nef", ".cr2", ".cr3", ".arw",
})  # fmt: skip
"""Of pictures that training does not read."""


_NOTHING = frozenset({"", "nan", "na", "n/a", "none", "null", "unknown"})


class SourceError(Exception):
    """A data folder cannot be read as any known layout; the message says why."""


@dataclass(frozen=True)
class Clinical:
    """What a source records of an image besides its label; empty or None where it does not.

    Attributes:
        diagnosis: In the source's own words, the most specific ones.
        thickness_mm: Breslow thickness in millimetres.
        patient: Identity of the patient inside the source.
        age: In years.
        sex: "male" or "female".
        site: Where on the body, in the source's own words.
        skin_type: Fitzpatrick's, I to VI.
        licence: Of this image.
        histology: Whether histology confirmed the diagnosis.
    """

    diagnosis: str = ""
    thickness_mm: float | None = None
    patient: str = ""
    age: float | None = None
    sex: str = ""
    site: str = ""
    skin_type: str = ""
    licence: str = ""
    histology: bool = False


@dataclass(frozen=True)
class Image:
    """One labelled image file.

    Attributes:
        path: The file.
        source: Name of its folder under the data root.
        label: The diagnoses that its label leaves open.
        lesion: Identity of the lesion (or, failing that, the patient) inside the source; empty if not recorded.
        given_split: "train" or "test" where the source itself has a test split; else empty.
        facts: Everything else that the source records, by its own column names.
        clinical: The part of the facts that all sources share, in one form.
    """

    path: Path
    source: str
    label: Label
    lesion: str = ""
    given_split: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    clinical: Clinical = Clinical()


def recorded(text: str) -> bool:
    """Whether a cell of a table says something; "NA", "unknown" and the like say that nothing is recorded."""
    return text.strip().lower() not in _NOTHING
