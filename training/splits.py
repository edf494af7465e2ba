"""Splits without leaks: a held-out lesion leaves every training source together with all its copies.

Roles are given to whole groups (copies, and images of one recorded lesion or patient), never to single images:

1. Groups with an image of an *external* or *shown* source (another clinic, the original-size photographs, the grader's
   melanomas) take no part in training; their members in other sources are removed.
2. Groups with an image of a source's own test split are test there; their members elsewhere are removed.
3. Of the remaining groups, a fixed share of those of sources without a test split becomes test, and a share of all
   becomes validation, by a hash of the group's name, so that the split does not depend on order or on a random
   generator.
4. Of several copies of one picture in one source, training and validation keep one; labels that contradict go.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from training.images import Image
from training.table import Table

EXTERNAL = ("isic-acral", "melanoma-severity")
"""Sources that the classifier never sees: another clinic's images, and the grader's."""

SHOWN = ("fullres",)
"""Original-size photographs, kept out to show the service with."""

TESTED = 0.2
"""Of a source without a test split of its own, the share of groups that becomes one."""

UNTESTED = ("isic2017",)
"""Sources that are only learned from: what they would test, another source tests better."""

VALIDATION_SHARE = 0.1

ROLES = ("training", "validation", "test", "external", "shown", "removed")


def _lottery(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(_encoded(name)).digest()[:8], "big") / 2**64


def _encoded(name: str) -> bytes:
    """Names of files that are no UTF-8 too, as whoever unpacked them on another system left them."""
    return name.encode("utf-8", "surrogateescape")


def _group_name(images: list[Image]) -> str:
    """A name of a group that does not depend on order: its smallest source and file name."""
    return min(f"{image.source}/{image.path.stem}" for image in images)


def draw(table: Table, rows: list[int]) -> float:
    """A number in [0, 1) that depends on nothing but which images a group has."""
    return _lottery(_group_name([table.images[row] for row in rows]))


def _outside(image: Image) -> str:
    """The role of an image whose group must not be trained on."""
    return "test" if image.given_split == "test" else "removed"


def _group_roles(images: list[Image]) -> list[str]:
    """The role of each image of one group."""
    sources = {image.source for image in images}
    for role, named in (("external", EXTERNAL), ("shown", SHOWN)):
        if sources & set(named):
            return [role if image.source in named else _outside(image) for image in images]
    if any(image.given_split == "test" for image in images):
        return [_outside(image) for image in images]
    drawn = _lottery(_group_name(images))
    share = TESTED if any(map(_tests, images)) else 0.0
    if drawn < share:
        return ["test" if _tests(image) else "removed" for image in images]
    return ["validation" if drawn < share + VALIDATION_SHARE else "training"] * len(images)


def _tests(image: Image) -> bool:
    """Whether a part of the image's source is held out by lot."""
    return not image.given_split and image.source not in UNTESTED


def _place(image: Image) -> str:
    return f"{image.source}/{image.given_split}/{image.path.stem}"


def _file(image: Image) -> str:
    """As `_place`, but another for another picture: two classes may each have a 0001.jpg."""
    return f"{image.source}/{image.given_split}/{image.path.parent.name}/{image.path.name}"


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256(_encoded("\n".join(sorted(lines)))).hexdigest()[:16]


@dataclass(frozen=True)
class Split:
    """The role of every image: roles[i] is one of `ROLES` for image i of the table."""

    roles: list[str]

    def rows(self, role: str, source: str, table: Table) -> list[int]:
        """Rows of the table with that role in that source."""
        pairs = zip(table.images, self.roles, strict=True)
        return [row for row, (image, given) in enumerate(pairs) if given == role and image.source == source]

    def counts(self, table: Table) -> dict[str, Counter[str]]:
        """How many images of each source have each role."""
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for image, role in zip(table.images, self.roles, strict=True):
            counted[image.source][role] += 1
        return dict(counted)

    def unlearned(self, sources: Iterable[str], table: Table) -> str:
        """Names the first of the sources of which nothing is learned, and where its images go; empty if there is none.

        Left out without a word, it would still be called a source of the version.
        """
        counts = self.counts(table)
        for source in sources:
            roles = counts.get(source, Counter[str]())
            if not roles["training"]:
                told = ", ".join(f"{role} {count}" for role, count in sorted(roles.items()) if count)
                return f"no image of {source} can be learned from; its images: {told or 'none'}"
        return ""

    def digest(self, table: Table) -> str:
        """Stands for the role of every image: where it differs, what was trained on may be held out, and vice versa."""
        return _digest(f"{_place(image)} {role}" for image, role in zip(table.images, self.roles, strict=True))

    def contents(self, table: Table) -> dict[str, str]:
        """Stand for what the images that take part are labelled and show, which `digest` does not look at."""
        rows = [(row, _file(image)) for row, image in enumerate(table.images) if self.roles[row] != "removed"]
        return {
            "labels": _digest(f"{file} {' '.join(sorted(table.labels[row]))}" for row, file in rows),
            "pixels": _digest(
                f"{file} {hashlib.sha256(table.pixels[row].tobytes()).hexdigest()}" for row, file in rows
            ),
        }


def split(table: Table) -> Split:
    """Give every image of the table its role."""
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(table.lesions.tolist()):
        members[group].append(row)
    roles = [""] * len(table.images)
    for rows in members.values():
        for row, role in zip(rows, _group_roles([table.images[row] for row in rows]), strict=True):
            roles[row] = role
    _drop_repeats(table, roles)
    return Split(roles)


def _drop_repeats(table: Table, roles: list[str]) -> None:
    """Keep one of several copies of a picture that one source trains or validates on; drop contradicted labels."""
    seen: set[tuple[str, int]] = set()
    for row in np.flatnonzero(np.isin(roles, ("training", "validation"))).tolist():
        key = (table.images[row].source, int(table.copies[row]))
        if key in seen or not table.labels[row]:
            roles[row] = "removed"
        seen.add(key)
