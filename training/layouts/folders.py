"""A folder for each class, with or without train/ and test/ above them: what most people have.

A class's name is a diagnosis in words or in HAM10000's codes: benign, malignant, melanoma, nevus, bcc, "actinic
keratosis" and so on, in capitals or not. Masks beside the photographs are left out, and what programs leave behind.
"""

from __future__ import annotations

from pathlib import Path

from training.diagnoses import is_denied, is_plain, label_of
from training.images import IMAGE_SUFFIXES, OTHER_SUFFIXES, Clinical, Image, SourceError
from training.layouts.tables import Folder, is_left_behind

_PARTS = {
    "train": "train",
    "training": "train",
    "val": "train",
    "valid": "train",
    "validation": "train",
    "test": "test",
    "testing": "test",
}


def parts(path: Path) -> list[Path]:
    """The folders train/, test/ and the like that hold folders with pictures: the parts of one source."""
    named = (part for part in _folders(path) if part.name.lower() in _PARTS)
    return [part for part in named if any(map(_pictures, _folders(part)))]


def read(folder: Folder) -> list[Image]:
    """Its images; none if the folder is another layout's.

    Raises:
        SourceError: Some folders are classes and others with pictures in them are not known as one, one is named after
            what it is not, photographs lie below one instead of in it or beside train/ and test/, or some are of a kind
            that is not read.
    """
    given = [(part, _PARTS[part.name.lower()]) for part in parts(folder.path)]
    _check_beside(folder, [part for part, _ in given])
    places = sorted(given, key=lambda part: part[1] == "test") or [(folder.path, "")]
    inside = [(place, split) for part, split in places for place in _folders(part)]
    classes = [(place, split) for place, split in inside if _pictures(place)]
    _check_names([place for place, _ in classes])
    _check_files(folder, [place for place, _ in inside if is_plain(place.name)])
    return [
        Image(picture, folder.name, label_of(place.name), given_split=split, clinical=Clinical(diagnosis=place.name))
        for place, split in classes
        if label_of(place.name)
        for picture in _photographs(folder, place)
    ]


def _check_names(classes: list[Path]) -> None:
    """Either all of the folders with pictures are classes, or none is."""
    strange = [place for place in classes if not label_of(place.name)]
    denied = next((place for place in strange if is_denied(place.name)), None)
    if denied:
        raise SourceError(f"{denied} says only what its images are not: name it after what they are, such as benign")
    unclear = strange + [place for place in classes if label_of(place.name) and not is_plain(place.name)]
    if unclear and len(strange) < len(classes):
        raise SourceError(
            f"{unclear[0]} is no class that is known: name it after a diagnosis, such as melanoma or nevus, and after "
            "nothing else"
        )


def _check_beside(folder: Folder, given: list[Path]) -> None:
    """No photograph lies beside the parts of a source: nobody could say to which of them it belongs."""
    for place in _folders(folder.path) if given else []:
        if place not in given and any(_is_picture(file) and folder.is_photograph(file) for file in place.rglob("*")):
            named = " and ".join(part.name for part in given)
            raise SourceError(f"{place} has photographs beside {named}: put them into one of these, or elsewhere")


def _check_files(folder: Folder, classes: list[Path]) -> None:
    """Every photograph of a class is read: none is of another kind, or lies further below, where it may be anything."""
    for file in (file for place in classes for file in sorted(place.rglob("*")) if folder.is_photograph(file)):
        if file.suffix.lower() in OTHER_SUFFIXES:
            raise SourceError(f"{file} is of a kind that training does not read: make a JPEG or PNG of it")
        if _is_picture(file) and file.parent not in classes:
            raise SourceError(f"{file} lies too deep: the pictures of a class belong right into its folder")


def _photographs(folder: Folder, place: Path) -> list[Path]:
    pictures = _pictures(place)
    found = [file for file in pictures if folder.is_photograph(file)]
    if not found:
        raise SourceError(f"{pictures[0]} and all others of its class are named like masks: rename the photographs")
    return found


def _folders(path: Path) -> list[Path]:
    return sorted(place for place in path.iterdir() if place.is_dir() and not is_left_behind(place.name))


def _pictures(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if _is_picture(file))


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and file.is_file()
