"""One table of all images of all sources: what is known of each, which are copies, and where the split puts it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from training.images import Image
from training.labels import DIAGNOSES, Label
from training.splits import Split
from training.table import Table
from training.texts import LICENCES

COLUMNS = (
    "image", "source", "label", "settled_label", "diagnosis", "thickness_mm", "lesion", "patient", "age", "sex", "site",
    "skin_type", "histology", "licence", "copies", "group", "given_split", "split",
)  # fmt: skip
"""`label` is what the source says, `settled_label` what all copies of the picture say together, both as the diagnoses
that they leave open, joined by `|`. Pictures with the same number in `copies` are copies of each other, with the same
in `group` copies or of one lesion or patient. `given_split` is the source's own, `split` the one that training uses."""


def write_index(table: Table, roles: Split, root: Path, file: Path) -> None:
    """Writes the table as CSV.

    Args:
        table: The images.
        roles: Where each goes.
        root: The data folder; images are named relative to it.
        file: Where to.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(table, roles, root))


def written(label: Label) -> str:
    """A label as text: its diagnoses in the order of the network's outputs, joined by `|`; empty if it says nothing."""
    return "|".join(diagnosis for diagnosis in DIAGNOSES if diagnosis in label)


def _rows(table: Table, roles: Split, root: Path) -> Iterator[list[object]]:
    columns = zip(table.images, table.labels, table.copies, table.lesions, roles.roles, strict=True)
    for image, settled, copies, group, role in columns:
        known = image.clinical
        yield [
            _name(image, root), image.source, written(image.label), written(settled), known.diagnosis,
            _empty(known.thickness_mm), image.lesion, known.patient, _empty(known.age), known.sex, known.site,
            known.skin_type, "yes" if known.histology else "", known.licence or LICENCES.get(image.source, ""),
            int(copies), int(group), image.given_split, role,
        ]  # fmt: skip


def _name(image: Image, root: Path) -> str:
    return image.path.relative_to(root).as_posix() if image.path.is_relative_to(root) else image.path.as_posix()


def _empty(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
