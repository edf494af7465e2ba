"""Metadata of the ISIC Archive, as its command line and web page export it: today's columns, and those until 2024.

The archive also holds photographs of whole arms and tiles of whole bodies: what its `image_type` calls anything else
than dermoscopic is left out, and told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from training.diagnoses import label_of
from training.images import Clinical, Image, SourceError, recorded
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.layouts.once import once
from training.layouts.tables import Folder, Row, Sheet, first, number, sex

_SITES = ("anatom_site_special", "anatom_site_general", "anatom_site_general_challenge")
_THICKEST_MM = 100.0
_PRECURSOR: Label = frozenset({"akiec"})


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: A picture that a table names is not there, or none is dermoscopic; two tables contradict each other
            about a label, or a thickness is none.
    """
    new = folder.sheets_with("isic_id", "diagnosis_1")
    old = [sheet for sheet in folder.sheets_with("benign_malignant") if sheet not in new]
    kinds = [(sheet, "isic_id", _new_label) for sheet in new] + [(sheet, _key(sheet), _old_label) for sheet in old]
    found = [
        image
        for sheet, key, label_in in kinds
        if key
        for image in sheet.each(partial(_image, folder, sheet, key=key, label_in=label_in))
    ]
    images = [image for image in found if image is not None]
    if left := len(found) - len(images):
        print(f"{folder.path}: {left} pictures that are not dermoscopic are left out", file=sys.stderr)
    if found and not images:
        raise SourceError(f"{folder.path} has no picture whose image_type is dermoscopic")
    return once(images)


def _key(sheet: Sheet) -> str:
    return next((key for key in ("isic_id", "name") if key in sheet.columns), "")


def _new_label(row: Row) -> Label:
    levels = [row.get(f"diagnosis_{level}", "") for level in (5, 4, 3, 2)]
    kind = row["diagnosis_1"].strip().lower()
    if kind == "benign":
        return _benign(next((text for text in levels if recorded(text)), ""))
    if kind == "malignant":
        return _malignant(levels)
    # Where the archive puts actinic keratoses today; what else it calls indeterminate may be anything.
    indeterminate = kind == "indeterminate" and any(label_of(text) == _PRECURSOR for text in levels)
    return _PRECURSOR if indeterminate else frozenset()


def _old_label(row: Row) -> Label:
    kind, diagnosis = row["benign_malignant"].strip().lower(), row.get("diagnosis", "")
    if kind == "benign":
        return _benign(diagnosis)
    return _malignant([diagnosis]) if kind == "malignant" else frozenset()


def _malignant(names: Sequence[str]) -> Label:
    """What the archive calls malignant: melanoma if any name says so, else the first name that is of a malignancy.

    A carcinoma that is named must not stay a malignancy without a name: those count as melanomas where a threshold is
    chosen (`operating_points`).
    """
    named = [label_of(text) for text in names]
    return (
        MELANOMA if MELANOMA in named else next((label for label in named if label and label <= MALIGNANT), MALIGNANT)
    )


def _benign(diagnosis: str) -> Label:
    """What the archive calls benign: an actinic keratosis, too, which is a precursor here; a melanoma cannot be."""
    named = label_of(diagnosis)
    if not named or named & BENIGN:
        return BENIGN
    return _PRECURSOR if named == _PRECURSOR else frozenset()


def _thickness(row: Row) -> float | None:
    """Breslow thickness in millimetres; -1 and 999, which tables write for nothing, are none."""
    thickness = number(row.get("mel_thick_mm"))
    if thickness is not None and not 0 <= thickness <= _THICKEST_MM:
        raise SourceError(f"mel_thick_mm={row['mel_thick_mm']!r} is no thickness in millimetres; leave it empty")
    return thickness


def _image(folder: Folder, sheet: Sheet, row: Row, *, key: str, label_in: Callable[[Row], Label]) -> Image | None:
    """None if the picture is not dermoscopic."""
    kind = row.get("image_type", "")
    if recorded(kind) and kind.strip().lower() != "dermoscopic":
        return None
    levels = [f"diagnosis_{level}" for level in (5, 4, 3, 2, 1)]
    clinical = Clinical(
        diagnosis=first(row, [*levels, "mel_class", "diagnosis", "benign_malignant"]),
        thickness_mm=_thickness(row),
        patient=first(row, ["patient_id"]),
        age=number(first(row, ["age_approx", "age"])),
        sex=sex(row),
        site=first(row, _SITES),
        skin_type=first(row, ["fitzpatrick_skin_type", "fitzpatrick"]),
        licence=row.get("copyright_license", ""),
        histology=row.get("diagnosis_confirm_type") == "histopathology",
    )
    lesion = first(row, ["lesion_id", "patient_id"])
    return Image(folder.picture(row[key]), folder.name, label_in(row), lesion, sheet.split, row, clinical)
