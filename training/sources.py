"""Reads labelled folders into one list of images; each layout is recognised by its own columns or folders.

| layout | recognised by | label |
|---|---|---|
| HAM10000 | metadata.csv with `dx` and `lesion_id` | one of seven diagnoses |
| ISIC challenge 2017 | metadata.csv with `melanoma` | melanoma, or nevus / seborrheic keratosis |
| ISIC Archive | metadata.csv with `isic_id` and `diagnosis_1` | Benign or Malignant; melanoma by `diagnosis_3` |
| originals | metadata.csv with `isic_id` and `benign_malignant` | benign, or melanoma by `diagnosis` |
| folder per class | {train,test}/{benign,malignant}/ | benign or malignant |
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from training.labels import BENIGN, DIAGNOSES, MALIGNANT, MELANOMA, Label

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})


class SourceError(Exception):
    """A data folder cannot be read as any known layout; the message says why."""


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
    """

    path: Path
    source: str
    label: Label
    lesion: str = ""
    given_split: str = ""
    facts: dict[str, str] = field(default_factory=dict)


def _ham10000(row: dict[str, str]) -> tuple[str, Label, str]:
    if row["dx"] not in DIAGNOSES:
        raise SourceError(f"unknown diagnosis dx={row['dx']!r} for {row['image_id']}")
    return row["image_id"], frozenset({row["dx"]}), row["lesion_id"]


def _isic2017(row: dict[str, str]) -> tuple[str, Label, str]:
    # The challenge's other two classes are nevus and seborrheic keratosis (Codella 2018, arXiv:1710.05006).
    melanoma = float(row["melanoma"]) == 1
    return row["image_id"], MELANOMA if melanoma else frozenset({"nv", "bkl"}), ""


def _isic_archive(row: dict[str, str]) -> tuple[str, Label, str]:
    lesion = row.get("lesion_id") or row.get("patient_id") or ""
    if row["diagnosis_1"] == "Benign":
        return row["isic_id"], BENIGN, lesion
    if row["diagnosis_1"] != "Malignant":
        return row["isic_id"], frozenset(), lesion
    text = " ".join(row.get(f"diagnosis_{level}", "") for level in (2, 3)).lower()
    return row["isic_id"], MELANOMA if "melanoma" in text else MALIGNANT, lesion


def _originals(row: dict[str, str]) -> tuple[str, Label, str]:
    if row["benign_malignant"] == "benign":
        return row["isic_id"], BENIGN, ""
    return row["isic_id"], MELANOMA if row.get("diagnosis") == "melanoma" else MALIGNANT, ""


_LAYOUTS: tuple[tuple[frozenset[str], Callable[[dict[str, str]], tuple[str, Label, str]]], ...] = (
    (frozenset({"dx", "lesion_id", "image_id"}), _ham10000),
    (frozenset({"melanoma", "image_id"}), _isic2017),
    (frozenset({"isic_id", "diagnosis_1"}), _isic_archive),
    (frozenset({"isic_id", "benign_malignant"}), _originals),
)


def _read_table(folder: Path) -> list[Image]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = set(rows[0]) if rows else set()
    reader = next((read for needs, read in _LAYOUTS if needs <= columns), None)
    if reader is None:
        raise SourceError(f"{folder}/metadata.csv has no known columns; see `training/sources.py` for the layouts")
    files = {p.stem: p for p in sorted((folder / "images").iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES}
    images = []
    for row in rows:
        name, label, lesion = reader(row)
        if name not in files:
            raise SourceError(f"{folder}/metadata.csv names {name}, but {folder}/images has no such picture")
        images.append(Image(files[name], folder.name, label, lesion, facts=row))
    return images


def _read_class_folders(folder: Path) -> list[Image]:
    return [
        Image(path, folder.name, label, given_split=split)
        for split in ("train", "test")
        for name, label in (("benign", BENIGN), ("malignant", MALIGNANT))
        for path in sorted((folder / split / name).glob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]


def read_source(folder: Path) -> list[Image]:
    """Read one data folder in any known layout.

    Raises:
        SourceError: The layout is unknown, or the table names a picture that is not there.
    """
    if (folder / "metadata.csv").is_file():
        return _read_table(folder)
    if (folder / "train").is_dir():
        return _read_class_folders(folder)
    raise SourceError(f"{folder} has neither metadata.csv nor train/; see `training/sources.py` for the layouts")


def read_sources(root: Path) -> list[Image]:
    """Read every folder of a data root that holds labelled images.

    Folders with neither metadata.csv nor train/ are passed over.

    Raises:
        SourceError: No folder is left, a table has columns of no known layout, or it names a picture that is not there.
    """
    folders = sorted(p for p in root.iterdir() if (p / "metadata.csv").is_file() or (p / "train").is_dir())
    if not folders:
        raise SourceError(f"no labelled images under {root}: expected folders with metadata.csv or train/")
    return [image for folder in folders for image in read_source(folder)]
