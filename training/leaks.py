"""Leak report: which pictures are in the data more than once, and that no held-out one is trained on.

Everything here goes into a folder that is not committed: the sheets show the images themselves.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw
from tqdm import tqdm

from training.duplicates import thumbnail, turned_pairs
from training.index import written
from training.labels import BENIGN, MALIGNANT
from training.splits import Split
from training.table import Table

TRAINED = ("training", "validation")
HELD_OUT = ("test", "external", "shown")

_SIDE = 112
_CAPTION = 24
_MOST_ROWS = 40
_MOST_COPIES = 8
_ADVICE = (
    "The split does not know of them. Other pictures behind a round vignette look so, too: look, and take what is a "
    "copy out of the data."
)


@dataclass(frozen=True)
class Leaks:
    """What was found.

    Attributes:
        groups: Rows of the table of every picture that is there more than once.
        identical: Groups of which two files are the same byte for byte.
        between: (source, other source) -> groups with images of both; with itself: several images of one source.
        own_splits: Groups that cross a source's own train and test.
        contradictions: Groups of which one copy says malignant and another benign.
        leaking: Groups with an image that is trained on and one that is held out. There must be none.
        turned: Pairs of an image that is trained on and one that is held out, of which one is the other mirrored or
            turned. The split does not know of them.
    """

    groups: list[list[int]]
    identical: set[int]
    between: Counter[tuple[str, str]]
    own_splits: list[list[int]]
    contradictions: list[list[int]]
    leaking: list[list[int]]
    turned: list[list[int]]


def find_leaks(table: Table, roles: Split) -> Leaks:
    """Looks through all copies of the table, under the roles of a split."""
    groups = _members(table.copies.tolist())
    between = Counter(pair for rows in groups for pair in _pairs(table.images[row].source for row in rows))
    own_splits = [rows for rows in groups if _crosses(table, rows)]
    contradictions = [rows for rows in groups if _contradicts(table, rows)]
    # By lesions, not by copies alone: another photograph of a held-out lesion leaks, too.
    leaking = [rows for rows in _members(table.lesions.tolist()) if _leaks(roles, rows)]
    turned = [rows for rows in turned_pairs(_thumbnails(table)).tolist() if _leaks(roles, rows)]
    return Leaks(groups, _identical(table, groups), between, own_splits, contradictions, leaking, turned)


def write_leaks(found: Leaks, table: Table, roles: Split, folder: Path) -> str:
    """Writes leaks.csv, sheets of thumbnails and leaks.md.

    Returns:
        The text of leaks.md.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(found, table, roles, folder / "leaks.csv")
    for name, groups in _kinds(found).items():
        _draw_sheet(groups, table, roles, folder / f"{name}.png")
    text = _text(found, table)
    (folder / "leaks.md").write_text(text, "utf-8")
    return text


def _kinds(found: Leaks) -> dict[str, list[list[int]]]:
    """File name of a sheet -> what it shows."""
    return {
        "copies": found.groups,
        "own-train-and-test": found.own_splits,
        "contradictions": found.contradictions,
        "leaks": found.leaking,
        "turned": found.turned,
    }


def _thumbnails(table: Table) -> NDArray[np.float32]:
    pictures = tqdm(table.pixels, desc="looking for turned copies", unit="img")
    return np.stack([thumbnail(np.asarray(picture)) for picture in pictures])


def _members(numbers: list[int]) -> list[list[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    for row, number in enumerate(numbers):
        members[number].append(row)
    return [rows for rows in members.values() if len(rows) > 1]


def _pairs(sources: Iterable[str]) -> set[tuple[str, str]]:
    counted = Counter(sources)
    names = sorted(counted)
    different = {(one, other) for place, one in enumerate(names) for other in names[place + 1 :]}
    return different | {(name, name) for name, count in counted.items() if count > 1}


def _crosses(table: Table, rows: list[int]) -> bool:
    """Whether a source tests on a picture and has a copy of it elsewhere."""
    tested = {table.images[row].source for row in rows if table.images[row].given_split == "test"}
    return any(table.images[row].source in tested for row in rows if table.images[row].given_split != "test")


def _contradicts(table: Table, rows: list[int]) -> bool:
    labels = [table.images[row].label for row in rows]
    return any(label and label <= MALIGNANT for label in labels) and any(label and label <= BENIGN for label in labels)


def _leaks(roles: Split, rows: list[int]) -> bool:
    given = {roles.roles[row] for row in rows}
    return bool(given & set(TRAINED)) and bool(given & set(HELD_OUT))


def _identical(table: Table, groups: list[list[int]]) -> set[int]:
    found = set()
    for number, rows in enumerate(tqdm(groups, desc="comparing files", unit="group")):
        digests = [hashlib.sha256(table.images[row].path.read_bytes()).digest() for row in rows]
        if len(set(digests)) < len(digests):
            found.add(number)
    return found


def _write_csv(found: Leaks, table: Table, roles: Split, file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8", errors="surrogateescape") as opened:
        writer = csv.writer(opened)
        writer.writerow(["group", "image", "source", "given_split", "label", "split", "identical_files"])
        for number, rows in enumerate(found.groups):
            for row in rows:
                image = table.images[row]
                identical = "yes" if number in found.identical else ""
                described = [image.path.name, image.source, image.given_split, written(image.label), roles.roles[row]]
                writer.writerow([number, *described, identical])


def _draw_sheet(groups: list[list[int]], table: Table, roles: Split, file: Path) -> None:
    """A row for each group: its pictures beside each other, with source and role."""
    shown = sorted(groups, key=len, reverse=True)[:_MOST_ROWS]
    if not shown:
        file.unlink(missing_ok=True)
        return
    columns = min(_MOST_COPIES, max(map(len, shown)))
    sheet = Pillow.new("RGB", (columns * _SIDE, len(shown) * (_SIDE + _CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for line, rows in enumerate(shown):
        for place, row in enumerate(rows[:_MOST_COPIES]):
            corner = (place * _SIDE, line * (_SIDE + _CAPTION))
            sheet.paste(Pillow.fromarray(np.asarray(table.pixels[row])).resize((_SIDE, _SIDE)), corner)
            caption = f"{table.images[row].source}\n{roles.roles[row]}"
            draw.multiline_text((corner[0] + 2, corner[1] + _SIDE), caption, fill="black", font_size=9, spacing=1)
    sheet.save(file)


def _text(found: Leaks, table: Table) -> str:
    sources = sorted({image.source for image in table.images})
    header = "| |" + "|".join(sources) + "|"
    rule = "|---" * (len(sources) + 1) + "|"
    rows = [
        f"|{one}|" + "|".join(str(found.between.get((min(one, other), max(one, other)), 0)) for other in sources) + "|"
        for one in sources
    ]
    twice = sum(map(len, found.groups))
    return "\n".join([
        "# Leaks\n",
        f"{twice} of {len(table.images)} images are there more than once: {len(found.groups)} pictures, of which "
        f"{len(found.identical)} with files that are the same byte for byte.\n",
        "Pictures that two sources share (in a source's own column: that it has several times):\n",
        header,
        rule,
        *rows,
        "",
        f"- Across a source's own train and test: {len(found.own_splits)} pictures (own-train-and-test.png).",
        f"- Called malignant by one copy and benign by another: {len(found.contradictions)} (contradictions.png); "
        "these are not trained on.",
        f"- Lesions that are trained on and held out at once, after the split: {len(found.leaking)}"
        + (" (leaks.png)." if found.leaking else "."),
        f"- Images that are trained on and mirrored or turned copies of held-out ones: {len(found.turned)}"
        + (f" (turned.png). {_ADVICE}" if found.turned else "."),
        "",
    ])  # fmt: skip
