"""Reads labelled folders into one list of images; `layouts` knows the forms in which they are handed out."""

from __future__ import annotations

from pathlib import Path

from training.images import Image, SourceError
from training.layouts import LAYOUTS, Folder, folders


def read_source(path: Path) -> list[Image]:
    """Read one data folder in any known layout.

    Raises:
        SourceError: The layout is unknown, or a table names a picture that is not there.
    """
    folder = Folder(path)
    for read in LAYOUTS.values():
        images = read(folder)
        if images:
            return images
    known = ", ".join(LAYOUTS)
    if _has_tables(path):
        raise SourceError(f"{path} has tables with no known columns; known are: {known}")
    raise SourceError(f"{path} has neither a table nor folders of classes; known are: {known}")


def read_sources(root: Path) -> list[Image]:
    """Read every folder of a data root that holds labelled images, or the root itself if it is such a folder.

    Folders with neither tables nor classes are passed over. A root with train/ and test/ is one source with a split of
    its own, not two that would be split again.

    Raises:
        SourceError: There is no such folder, none in it is left, a table has columns of no known layout, or it names a
            picture that is not there; or train/ and test/ lie among other sources.
    """
    if not root.is_dir():
        raise SourceError(f"no data folder at {root}: name one with --data")
    labelled = [path for path in sorted(root.iterdir()) if path.is_dir() and _is_labelled(path)]
    if labelled and not _is_one_source(root, labelled):
        return [image for path in labelled for image in read_source(path)]
    if not _is_labelled(root):
        raise SourceError(f"no labelled images under {root}: expected folders with a table, or folders of classes")
    return read_source(root)


def _is_one_source(root: Path, labelled: list[Path]) -> bool:
    parts = folders.parts(root)
    if len(parts) < 2:
        return False
    others = [path.name for path in labelled if path not in parts]
    if others:
        beside = f"{' and '.join(part.name for part in parts)} beside {', '.join(others)}"
        raise SourceError(f"{root} has {beside}: put them into a folder named after the source")
    return True


def _is_labelled(path: Path) -> bool:
    return _has_tables(path) or any(read(Folder(path)) for read in LAYOUTS.values())


def _has_tables(path: Path) -> bool:
    return any(path.glob("*.csv"))
