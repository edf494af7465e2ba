"""PH2 (Mendonça 2013, doi 10.1109/EMBC.2013.6610779): PH2_dataset.txt and a folder for each picture.

The text is a table whose cells end with `||`; its clinical diagnosis is 0 for a common nevus, 1 for an atypical one and
2 for a melanoma.
"""

from __future__ import annotations

from training.images import Clinical, Image, SourceError
from training.labels import MELANOMA, Label
from training.layouts.tables import Folder, line_of

TABLE = "PH2_dataset.txt"

_DIAGNOSES: dict[str, tuple[str, Label]] = {
    "0": ("common nevus", frozenset({"nv"})),
    "1": ("atypical nevus", frozenset({"nv"})),
    "2": ("melanoma", MELANOMA),
}


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's."""
    file = folder.path / TABLE
    if not file.is_file():
        return []
    lines = [[cell.strip() for cell in line.split("||")] for line in file.read_text("utf-8", "replace").splitlines()]
    header = next((cells for cells in lines if "Clinical Diagnosis" in cells and "Name" in cells), None)
    if header is None:
        raise SourceError(f"{file} has no columns Name and Clinical Diagnosis")
    images = []
    for number, cells in enumerate(lines, 1):
        row = dict(zip(header, cells, strict=False))
        if row.get("Name", "").startswith("IMD"):
            diagnosis, label = _DIAGNOSES.get(row.get("Clinical Diagnosis", ""), ("", frozenset()))
            histology = bool(row.get("Histological Diagnosis"))
            clinical = Clinical(diagnosis=row.get("Histological Diagnosis") or diagnosis, histology=histology)
            with line_of(file, number):
                picture = folder.picture(row["Name"])
            images.append(Image(picture, folder.name, label, "", "", row, clinical))
    return images
