"""Metadata of the ISIC Archive, as its command line and web page export it: today's columns, and those until 2024."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from training.diagnoses import label_of
from training.images import Clinical, Image
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.layouts.once import once
from training.layouts.tables import Folder, Row, Sheet, first, number

_SITES = ("anatom_site_special", "anatom_site_general", "anatom_site_general_challenge")


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: A picture that a table names is not there, or two tables contradict each other about its label.
    """
    new = folder.sheets_with("isic_id", "diagnosis_1")
    old = [sheet for sheet in folder.sheets_with("benign_malignant") if sheet not in new]
    kinds = [(sheet, "isic_id", _new_label) for sheet in new] + [(sheet, _key(sheet), _old_label) for sheet in old]
    return once(
        image
        for sheet, key, label_in in kinds
        if key
        for image in sheet.each(partial(_image, folder, sheet, key=key, label_in=label_in))
    )


def _key(sheet: Sheet) -> str:
    return next((key for key in ("isic_id", "name") if key in sheet.columns), "")


def _new_label(row: Row) -> Label:
    if row["diagnosis_1"] == "Benign":
        return BENIGN
    if row["diagnosis_1"] != "Malignant":
        return frozenset()
    levels = (label_of(row.get(f"diagnosis_{level}", "")) for level in (2, 3))
    return MELANOMA if MELANOMA in levels else MALIGNANT


def _old_label(row: Row) -> Label:
    kind = row["benign_malignant"].strip().lower()
    if kind == "benign":
        return BENIGN
    if kind == "malignant":
        return MELANOMA if label_of(row.get("diagnosis", "")) == MELANOMA else MALIGNANT
    return frozenset()


def _image(folder: Folder, sheet: Sheet, row: Row, *, key: str, label_in: Callable[[Row], Label]) -> Image:
    levels = [f"diagnosis_{level}" for level in (5, 4, 3, 2, 1)]
    clinical = Clinical(
        diagnosis=first(row, [*levels, "mel_class", "diagnosis", "benign_malignant"]),
        thickness_mm=number(row.get("mel_thick_mm")),
        patient=first(row, ["patient_id"]),
        age=number(first(row, ["age_approx", "age"])),
        sex=row.get("sex", ""),
        site=first(row, _SITES),
        skin_type=first(row, ["fitzpatrick_skin_type", "fitzpatrick"]),
        licence=row.get("copyright_license", ""),
        histology=row.get("diagnosis_confirm_type") == "histopathology",
    )
    lesion = first(row, ["lesion_id", "patient_id"])
    return Image(folder.picture(row[key]), folder.name, label_in(row), lesion, sheet.split, row, clinical)
