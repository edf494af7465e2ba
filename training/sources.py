"""Reads labelled folders into one list of images; `layouts` knows the forms in which they are handed out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training.images import Image, SourceError
from training.layouts import LAYOUTS, Folder, folders
from training.layouts.tables import text_of

_SHOWN = 100
"""Characters of the columns of a table that is not known."""


def read_source(path: Path) -> list[Image]:
    """Read one data folder in any known layout.

    Raises:
        SourceError: The layout is unknown, a table names a picture that is not there, or tables of two layouts list
            different ones.
    """
    folder = Folder(path)
    for name, read in LAYOUTS.items():
        images = read(folder)
        if images:
            _check_alone(folder, name, images)
            return _with_both_parts(images)
    known = ", ".join(LAYOUTS)
    if folder.tables:
        raise SourceError(f"{path} has tables with no known columns ({_columns(folder)}); known are: {known}")
    raise SourceError(f"{path} has neither a table nor folders of classes; known are: {known}")


def _with_both_parts(images: list[Image]) -> list[Image]:
    """Where a source tests on some of its images, as a challenge on those of a table, it learns from the others."""
    if all(image.given_split != "test" for image in images):
        return images
    return [replace(image, given_split=image.given_split or "train") for image in images]


def _columns(folder: Folder) -> str:
    """What its tables have instead; one that another program wrote in another encoding is told first."""
    for file in folder.tables:
        text_of(file)
    named = [f"{sheet.path.name} has {', '.join(sorted(sheet.columns))[:_SHOWN]}" for sheet in folder.sheets]
    return "; ".join(named) or "none has a row"


def unnamed(root: Path, images: list[Image]) -> dict[str, int]:
    """How many photographs of each source are none of its images, as where a table ends too early; those with any.

    Args:
        root: The data root that the images were read from.
        images: What `read_sources` found.
    """
    used = {image.path for image in images}
    found = {}
    for source in sorted({image.source for image in images}):
        folder = Folder(root / source if (root / source).is_dir() else root)
        # Of a picture that is there twice one file is read.
        if count := sum(used.isdisjoint(files) for files in folder.pictures.values()):
            found[source] = count
    return found


def _check_alone(folder: Folder, name: str, images: list[Image]) -> None:
    """No table of another layout lists a picture that would be left out."""
    listed = {image.path for image in images}
    for other, read in LAYOUTS.items():
        if other == name or read is folders.read:
            continue
        left = next((image.path for image in read(folder) if image.path not in listed), None)
        if left is not None:
            raise SourceError(
                f"{folder.path} has tables of {name} and of {other}, which lists {left.name} as well: put each into a "
                "folder of its own, with its pictures"
            )


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
    folder = Folder(path)
    return bool(folder.tables) or any(read(folder) for read in LAYOUTS.values())
