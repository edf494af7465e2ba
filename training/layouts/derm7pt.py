"""The seven-point checklist's dataset (Kawahara 2019, doi 10.1109/JBHI.2018.2824327): meta/meta.csv and images/.

Each case has a dermoscopic picture (column `derm`), which is read, and a clinical one, which is not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from training.diagnoses import label_of
from training.images import Clinical, Image, SourceError
from training.layouts.once import once
from training.layouts.tables import Folder, Row, first, sex


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: A picture is not there, an index of the test set is no whole number, or two rows give a picture
            other diagnoses.
    """
    tested = {index for sheet in folder.sheets_with("indexes") if sheet.split for index in sheet.each(_index)}
    return once(
        replace(image, given_split="test") if index in tested else image
        for sheet in folder.sheets_with("case_num", "diagnosis", "derm")
        for index, image in enumerate(sheet.each(partial(_image, folder)))
    )


def _index(row: Row) -> int:
    if not row["indexes"].strip().isdecimal():
        raise SourceError(f"indexes={row['indexes']!r} is no whole number")
    return int(row["indexes"])


def _image(folder: Folder, row: Row) -> Image:
    clinical = Clinical(diagnosis=row["diagnosis"], sex=sex(row), site=row.get("location", ""))
    label, case = label_of(row["diagnosis"]), first(row, ["case_num"])
    return Image(_picture(folder.path, row["derm"]), folder.name, label, case, facts=row, clinical=clinical)


def _picture(root: Path, name: str) -> Path:
    """Two folders have pictures of the same name, so the path counts."""
    for place in (root / "images" / name, root / name):
        if place.is_file():
            return place
    raise SourceError(f"names {name!r}, but {root}/images has no such picture")
