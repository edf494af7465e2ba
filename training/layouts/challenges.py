"""The ISIC challenges of 2016 to 2020, as they were handed out: a table of labels, and others with further facts.

| year | table of labels | label |
|---|---|---|
| 2016 | two columns without a header: image, benign or malignant (test: 0.0 or 1.0) | benign, or some malignancy |
| 2017 | image_id, melanoma, seborrheic_keratosis | melanoma, seborrheic keratosis, or else a nevus |
| 2018 | image, MEL ... VASC (one of seven is 1) | one of seven diagnoses |
| 2019 | image, MEL ... VASC, SCC, UNK | one of eight; SCC is some malignancy that is no melanoma, UNK says nothing |
| 2020 | image_name, patient_id, target (also SIIM-ISIC's train.csv) | melanoma, or benign |

Sources: Gutman 2016, arXiv:1605.01397; Codella 2018, arXiv:1710.05006; Codella 2019, arXiv:1902.03368; the challenge's
pages for 2019; Rotemberg 2021, doi 10.1038/s41597-021-00815-z.
"""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

from training.diagnoses import label_of
from training.images import Clinical, Image, SourceError, recorded
from training.labels import BENIGN, MALIGNANT, MELANOMA, Label
from training.layouts.once import once
from training.layouts.tables import Folder, Row, Sheet, first, line_of, number, sex, split_of

_SEVEN = ("MEL", "NV", "BCC", "BKL", "DF", "VASC")
_CODES = (*_SEVEN, "AKIEC", "AK", "SCC", "UNK")
_VERDICTS = ("benign", "malignant", "0.0", "1.0", "0", "1")


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: A label is neither 0 nor 1 nor empty, as where a table holds a network's answers; a row has two, a
            picture is not there, or two tables contradict each other about its label.
    """
    return once([*_read_2016(folder), *_read_2017(folder), *_read_one_hot(folder), *_read_2020(folder)])


def _read_2016(folder: Folder) -> list[Image]:
    images = []
    for file in folder.tables:
        split = split_of(file)
        for line, name, verdict in _pairs(file):
            malignant = verdict in ("malignant", "1.0", "1")
            label = MALIGNANT if malignant else BENIGN
            clinical = Clinical(diagnosis="malignant" if malignant else "benign")
            with line_of(file, line):
                picture = folder.picture(name)
            images.append(Image(picture, folder.name, label, "", split, {}, clinical))
    return images


def _pairs(file: Path) -> list[tuple[int, str, str]]:
    """The rows of a table of 2016, which has no header, each behind its line; of any other none."""
    pairs: list[tuple[int, str, str]] = []
    # Of another table no more is read than it takes to see that; whether it is UTF-8 matters to its own layout.
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as opened:
        reader = csv.reader(opened)
        try:
            for row in filter(None, reader):
                if len(row) != 2 or row[1].strip() not in _VERDICTS:
                    return []
                pairs.append((reader.line_num, row[0].strip(), row[1].strip()))
        except csv.Error:
            return []
    return pairs


def _read_2017(folder: Folder) -> list[Image]:
    further = folder.by_image("image_id", "age_approximate", "sex")

    def image_of(sheet: Sheet, row: Row) -> Image:
        facts = further.get(row["image_id"], {}) | row
        return _image(folder, sheet, facts, row["image_id"], *_label_2017(row))

    sheets = folder.sheets_with("image_id", "melanoma")
    return [image for sheet in sheets for image in sheet.each(partial(image_of, sheet))]


def _label_2017(row: Row) -> tuple[Label, str]:
    melanoma, keratosis = (_verdict(row, "image_id", name) for name in ("melanoma", "seborrheic_keratosis"))
    if melanoma is None:
        return frozenset(), ""
    if melanoma:
        return MELANOMA, "melanoma"
    if keratosis is None:
        return frozenset({"nv", "bkl"}), ""
    return (frozenset({"bkl"}), "seborrheic keratosis") if keratosis else (frozenset({"nv"}), "nevus")


def _verdict(row: Row, key: str, column: str) -> bool | None:
    """What a column of 0 and 1 says of an image; None where it says nothing."""
    cell = row.get(column, "")
    if not recorded(cell):
        return None
    value = number(cell)
    if value not in (0, 1):
        raise SourceError(f"{column}={cell!r} for {row[key]!r} is neither 0 nor 1")
    return value == 1


def _read_one_hot(folder: Folder) -> list[Image]:
    """2018 and 2019."""
    further: dict[str, Row] = {}
    for columns in (("lesion_id",), ("age_approx", "sex"), ("diagnosis_confirm_type",)):
        for name, row in folder.by_image("image", *columns).items():
            further[name] = further.get(name, {}) | row

    def image_of(sheet: Sheet, row: Row) -> Image:
        code = _code(row)
        facts = further.get(row["image"], {}) | row
        return _image(folder, sheet, facts, row["image"], label_of(code), code)

    sheets = folder.sheets_with("image", *_SEVEN)
    return [image for sheet in sheets for image in sheet.each(partial(image_of, sheet))]


def _code(row: Row) -> str:
    """The diagnosis that has the row's 1; UNK if none has."""
    codes = [code for code in _CODES if _verdict(row, "image", code)]
    if len(codes) > 1:
        raise SourceError(f"{row['image']!r} has several labels: {', '.join(codes)}")
    return next(iter(codes), "UNK")


def _read_2020(folder: Folder) -> list[Image]:
    further = folder.by_image("image_name", "lesion_id")

    def image_of(sheet: Sheet, row: Row) -> Image:
        facts = further.get(row["image_name"], {}) | row
        return _image(folder, sheet, facts, row["image_name"], *_label_2020(row))

    sheets = folder.sheets_with("image_name", "patient_id", "target")
    return [image for sheet in sheets for image in sheet.each(partial(image_of, sheet))]


def _label_2020(row: Row) -> tuple[Label, str]:
    text, melanoma = row.get("diagnosis", ""), _verdict(row, "image_name", "target")
    if melanoma is None:
        return frozenset(), text
    if melanoma:
        return MELANOMA, text or "melanoma"
    # Its unknown ones are benign, too (Rotemberg 2021); words narrow that down where there are some.
    named = label_of(text)
    return (named if named and named <= BENIGN else BENIGN), text


def _image(folder: Folder, sheet: Sheet, facts: Row, name: str, label: Label, diagnosis: str) -> Image:  # noqa: PLR0913, PLR0917
    clinical = Clinical(
        diagnosis=diagnosis,
        patient=first(facts, ["patient_id"]),
        age=number(first(facts, ["age_approx", "age_approximate"])),
        sex=sex(facts),
        site=first(facts, ["anatom_site_general", "anatom_site_general_challenge"]),
        histology=facts.get("diagnosis_confirm_type", "") in ("histopathology", "histo"),
    )
    lesion = first(facts, ["lesion_id", "patient_id"])
    return Image(folder.picture(name), folder.name, label, lesion, sheet.split, facts, clinical)
