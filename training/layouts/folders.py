"""A folder for each class, with or without train/ and test/ above them: what most people have.

A class's name is a diagnosis in words or in HAM10000's codes: benign, malignant, melanoma, nevus, bcc, "actinic
keratosis" and so on, in capitals or not.
"""

from __future__ import annotations

from pathlib import Path

from training.diagnoses import is_denied, label_of
from training.images import IMAGE_SUFFIXES, Clinical, Image, SourceError
from training.layouts.tables import Folder

_PARTS = {
    "train": "train",
    "training": "train",
    "val": "train",
    "valid": "train",
    "validation": "train",
    "test": "test",
}


def parts(path: Path) -> list[Path]:
    """The folders train/, test/ and the like that hold folders with pictures: the parts of one source."""
    named = (part for part in _folders(path) if part.name.lower() in _PARTS)
    return [part for part in named if any(map(_pictures, _folders(part)))]


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: Some folders are classes and others with pictures in them are not known as one, or one is named
            after what it is not.
    """
    given = [(part, _PARTS[part.name.lower()]) for part in parts(folder.path)]
    places = sorted(given, key=lambda part: part[1] == "test") or [(folder.path, "")]
    classes = [(place, split) for part, split in places for place in _folders(part) if _pictures(place)]
    known = [(place, split) for place, split in classes if label_of(place.name)]
    strange = [place for place, _ in classes if not label_of(place.name)]
    denied = next((place for place in strange if is_denied(place.name)), None)
    if denied:
        raise SourceError(f"{denied} says only what its images are not: name it after what they are, such as benign")
    if known and strange:
        raise SourceError(
            f"{strange[0]} is no class that is known: name it after a diagnosis, such as melanoma or nevus"
        )
    return [
        Image(picture, folder.name, label_of(place.name), given_split=split, clinical=Clinical(diagnosis=place.name))
        for place, split in known
        for picture in _pictures(place)
    ]


def _folders(path: Path) -> list[Path]:
    return sorted(place for place in path.iterdir() if place.is_dir())


def _pictures(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
