"""The grader's data: melanomas with a stage grade, and what of it the picture's frame alone would tell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from training.frame import frame_of
from training.images import Image
from training.policies import INVASION, Policy, choose_policy
from training.table import Table


@dataclass(frozen=True)
class Stages:
    """Melanomas with a stage grade.

    Attributes:
        rows: int64[n], their rows in the table.
        grades: int64[n]: 0, 1 or 2, by the policy.
        lesions: int64[n], images with the same number show the same lesion, patient or picture.
        fair: bool[n], from where the lower two grades can be compared.
        policy: What the grades mean.
    """

    rows: NDArray[np.int64]
    grades: NDArray[np.int64]
    lesions: NDArray[np.int64]
    fair: NDArray[np.bool_]
    policy: Policy = INVASION

    def subset(self, chosen: NDArray[np.int64]) -> Stages:
        """The chosen images, by position."""
        return Stages(self.rows[chosen], self.grades[chosen], self.lesions[chosen], self.fair[chosen], self.policy)


def _patient_groups(images: list[Image], lesions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join groups that share a patient: the source records lesions for few and patients for more."""
    first: dict[tuple[str, str], int] = {}
    merged = lesions.copy()
    for position, image in enumerate(images):
        if image.clinical.patient:
            earlier = first.setdefault((image.source, image.clinical.patient), position)
            merged[merged == merged[position]] = merged[earlier]
    return merged


def _once(graded: list[tuple[int, int]], copies: NDArray[np.int64]) -> list[tuple[int, int]]:
    """One row of each picture; none of one whose copies contradict each other, as where a source lacks a thickness."""
    said: dict[int, set[int]] = defaultdict(set)
    for row, grade in graded:
        said[int(copies[row])].add(grade)
    first = {int(copies[row]): (row, grade) for row, grade in reversed(graded)}
    return [one for copy, one in sorted(first.items(), key=lambda item: item[1]) if len(said[copy]) == 1]


def read_stages(table: Table, policy: Policy | None = None) -> Stages:
    """The graded melanomas of the table.

    Args:
        table: The images.
        policy: What a grade is; None for what the data supports.

    Raises:
        ValueError: There are none, or a grade is missing altogether.
    """
    if policy is None:
        policy = choose_policy(table.images, table.lesions.tolist())
    found = [(row, policy.grade_of(image)) for row, image in enumerate(table.images)]
    chosen = _once([(row, grade) for row, grade in found if grade is not None], table.copies)
    rows = np.array([row for row, _ in chosen], np.int64)
    grades = np.array([grade for _, grade in chosen], np.int64)
    if set(grades.tolist()) != {0, 1, 2}:
        raise ValueError(f"the grader needs {policy.needs}; see `python -m training data`")
    images = [table.images[row] for row in rows]
    fair = np.array([policy.fair(image) for image in images])
    return Stages(rows, grades, _patient_groups(images, table.lesions[rows]), fair, policy)


def frame_features(table: Table, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """What is known without the lesion: mean and spread of the colour of all four sides, the corners' colour, aspect.

    Returns:
        float64[n, 10].
    """
    found = []
    for row in rows.tolist():
        border, corners = frame_of(table.pixels[row])
        with Pillow.open(table.images[row].path) as image:
            aspect = image.width / image.height
        found.append([*border.mean(axis=0), *border.std(axis=0), *corners.reshape(-1, 3).mean(axis=0), aspect])
    return np.array(found)
