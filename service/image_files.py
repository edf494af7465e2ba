"""Which files of a folder are images to ask about."""

import os
import stat
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".dcm"})


def images_in(folder: Path) -> list[Path]:
    """Every image in a folder and those below it, by name.

    Whatever cannot be looked into, a folder or a file, is among them: asked about, it is told to be unreadable.
    """
    found = list[Path]()
    for where, _, names in os.walk(folder, onerror=lambda error: found.append(Path(error.filename))):
        found.extend(file for file in (Path(where, name) for name in names) if _is_image(file))
    return sorted(found)


def _is_image(file: Path) -> bool:
    """Whether a file is asked about; also a link to one that is gone, so that somebody is told of it.

    Not a pipe or a device, whatever its name: nobody may ever write to it.
    """
    return (file.suffix.lower() in SUFFIXES or _is_dicom(file)) and not _is_special(file)


def _is_special(file: Path) -> bool:
    try:
        return not stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return False


def _is_dicom(path: Path) -> bool:
    """Whether a file that an archive gave some name is a DICOM object (PS3.10, 7.1), and no directory of them."""
    try:
        if path.name == "DICOMDIR" or not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return True
