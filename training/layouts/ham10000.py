"""HAM10000 (Tschandl 2018, doi 10.1038/sdata.2018.161): seven diagnoses, lesions, how each was confirmed."""

from __future__ import annotations

from functools import partial

from training.images import Clinical, Image, SourceError
from training.labels import DIAGNOSES
from training.layouts.once import once
from training.layouts.tables import Folder, Row, Sheet, first, number, sex


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: A diagnosis is none of the seven, a picture is not there, or two rows give it other diagnoses.
    """
    sheets = folder.sheets_with("dx", "lesion_id", "image_id")
    return once(image for sheet in sheets for image in sheet.each(partial(_image, folder, sheet)))


def _image(folder: Folder, sheet: Sheet, row: Row) -> Image:
    if row["dx"] not in DIAGNOSES:
        raise SourceError(f"unknown diagnosis dx={row['dx']!r} for {row['image_id']!r}")
    clinical = Clinical(
        diagnosis=row["dx"],
        age=number(row.get("age")),
        sex=sex(row),
        site=row.get("localization", ""),
        histology=row.get("dx_type") == "histo",
    )
    picture = folder.picture(row["image_id"])
    label = frozenset({row["dx"]})
    return Image(picture, folder.name, label, first(row, ["lesion_id"]), sheet.split, row, clinical)
