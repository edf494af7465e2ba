"""The seven-point checklist's dataset (Kawahara 2019, doi 10.1109/JBHI.2018.2824327): meta/meta.csv and images/.

Each case has a dermoscopic picture (column `derm`), which is read, and a clinical one, which is not.
"""

from __future__ import annotations

from pathlib import Path

from training.diagnoses import label_of
from training.images import Clinical, Image, SourceError
from training.layouts.tables import Folder, first


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's."""
    tested = {int(row["indexes"]) for sheet in folder.sheets_with("indexes") if sheet.split for row in sheet.rows}
    images = []
    for sheet in folder.sheets_with("case_num", "diagnosis", "derm"):
        for index, row in enumerate(sheet.rows):
            clinical = Clinical(diagnosis=row["diagnosis"], sex=row.get("sex", ""), site=row.get("location", ""))
            split = "test" if index in tested else ""
            picture = _picture(folder.path, row["derm"], sheet.path)
            label, case = label_of(row["diagnosis"]), first(row, ["case_num"])
            images.append(Image(picture, folder.name, label, case, split, row, clinical))
    return images


def _picture(root: Path, name: str, table: Path) -> Path:
    """Two folders have pictures of the same name, so the path counts."""
    for place in (root / "images" / name, root / name):
        if place.is_file():
            return place
    raise SourceError(f"{table} names {name}, but {root}/images has no such picture")
