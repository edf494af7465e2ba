"""Which files of a folder are images to ask about."""

import os
import stat
from collections import deque
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".dcm"})


def images_in(folder: Path) -> list[Path]:
    """Every image in a folder and those below it, by name.

    Links count, to folders too. A folder that is reached in several ways is looked into once, so that a link to one
    around it comes to an end.

    Whatever cannot be looked into, a folder, a file or a link that leads nowhere, is among them: asked about, it is
    told to be unreadable.
    """
    found, seen, left = list[Path](), set[tuple[int, int]](), deque([folder])
    while left:  # what links lead to comes after what is really here, which is called by its own name
        for where, folders, names in os.walk(left.popleft(), onerror=lambda error: found.append(Path(error.filename))):
            here = Path(where)
            if _was_seen(here, seen):
                folders.clear()
                continue
            left.extend(below for below in (here / name for name in sorted(folders)) if _is_link(below))
            found.extend(file for file in (here / name for name in names) if _is_image(file))
    return sorted(found)


def _was_seen(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether a folder was looked into before, by whatever name; it is from now on."""
    try:
        status = folder.stat()
    except OSError:
        return False  # it was listed a moment ago: what was in it is asked about, and told to be gone
    place = (status.st_dev, status.st_ino)
    known = place in seen
    seen.add(place)
    return known


def _is_link(folder: Path) -> bool:
    try:
        return folder.is_symlink()
    except OSError:
        return False


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
    """Whether a file that an archive gave some name is a DICOM object (PS3.10, 7.1), and no directory of them; whether
    it could be, where it cannot be looked into."""
    try:
        if path.name == "DICOMDIR" or not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return True
