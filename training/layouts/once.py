"""One row for each picture, however many tables of a folder list it: counted twice, it would weigh twice in figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

from training.images import Clinical, Image, SourceError


def once(images: Iterable[Image]) -> list[Image]:
    """Each picture once, with what all its rows say together.

    Args:
        images: Of one folder, in the order of its tables; what an earlier one says of a picture besides its label wins.

    Raises:
        SourceError: Two rows give a picture labels that cannot both be right.
    """
    found: dict[Path, Image] = {}
    for image in images:
        before = found.get(image.path)
        found[image.path] = image if before is None else _joined(before, image)
    return list(found.values())


def _joined(one: Image, other: Image) -> Image:
    label = one.label & other.label if one.label and other.label else one.label | other.label
    if one.label and other.label and not label:
        raise SourceError(
            f"{one.path} is listed twice, with labels that contradict each other: "
            f"{', '.join(sorted(one.label))}, and {', '.join(sorted(other.label))}"
        )
    return replace(
        one,
        label=label,
        lesion=one.lesion or other.lesion,
        # What one table tests on must not be trained on because another lists it, too.
        given_split=max(one.given_split, other.given_split, key=("", "train", "test").index),
        facts=other.facts | {name: cell for name, cell in one.facts.items() if cell},
        clinical=_joined_clinical(one.clinical, other.clinical),
    )


def _joined_clinical(one: Clinical, other: Clinical) -> Clinical:
    said = {field.name: getattr(one, field.name) for field in fields(one) if getattr(one, field.name) != field.default}
    return replace(other, **said)
