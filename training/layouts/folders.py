"""A folder for each class, with or without train/ and test/ above them: what most people have.

A class's name is a diagnosis in words or in HAM10000's codes: benign, malignant, melanoma, nevus, bcc, "actinic
keratosis" and so on, in capitals or not.
"""

from __future__ import annotations

from pathlib import Path

from training.diagnoses import is_denied, is_plain, label_of
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
    unclear = [place for place, _ in known if not is_plain(place.name)]
    if known and (strange or unclear):
        strange += unclear
        raise SourceError(
            f"{strange[0]} is no class that is known: name it after a diagnosis, such as melanoma or nevus, and after "
            "nothing else"
        )
    return [
        Image(picture, folder.name, label_of(place.name), given_split=split, clinical=Clinical(diagnosis=place.name))
        for place, split in known
        for picture in _directly(folder, place)
    ]


def _directly(folder: Folder, place: Path) -> list[Path]:
    """The photographs of a class.

    Raises:
        SourceError: There are others further below, of which nobody could say whether they belong to it.
    """
    deeper = next((file for file in sorted(place.rglob("*")) if file.parent != place and _is_picture(file)), None)
    if deeper:
        raise SourceError(f"{deeper} lies too deep: the pictures of a class belong right into its folder")
    return [file for file in _pictures(place) if folder.is_photograph(file)]


def _folders(path: Path) -> list[Path]:
    return sorted(place for place in path.iterdir() if place.is_dir())


def _pictures(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if _is_picture(file))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES
