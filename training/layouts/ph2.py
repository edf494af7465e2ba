"""PH2 (Mendonça 2013, doi 10.1109/EMBC.2013.6610779): PH2_dataset.txt and a folder for each picture.

The text is a table whose cells end with `||`; its clinical diagnosis is 0 for a common nevus, 1 for an atypical one and
2 for a melanoma. Where histology says otherwise, nothing is learned from the picture.
"""

from __future__ import annotations

from training.diagnoses import label_of
from training.images import Clinical, Image, SourceError, recorded
from training.labels import MELANOMA, Label
from training.layouts.once import once
from training.layouts.tables import Folder, Row, line_of

TABLE = "PH2_dataset.txt"

_DIAGNOSES: dict[str, tuple[str, Label]] = {
    "0": ("common nevus", frozenset({"nv"})),
    "1": ("atypical nevus", frozenset({"nv"})),
    "2": ("melanoma", MELANOMA),
}


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: The text is not that table, a picture is not there, or two rows give it other diagnoses.
    """
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
            with line_of(file, number):
                images.append(_image(folder, row))
    return once(images)


def _image(folder: Folder, row: Row) -> Image:
    diagnosis, label = _DIAGNOSES.get(row.get("Clinical Diagnosis", ""), ("", frozenset()))
    histology = row.get("Histological Diagnosis", "")
    found = label_of(histology)
    clinical = Clinical(diagnosis=histology or diagnosis, histology=recorded(histology))
    return Image(folder.picture(row["Name"]), folder.name, label & found if found else label, "", "", row, clinical)
