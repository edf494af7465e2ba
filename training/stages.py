"""The grader's data: melanomas with a stage grade, and what of it the picture's frame alone would tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from training.frame import frame_of
from training.images import Image
from training.table import Table

SOURCE = "melanoma-severity"
GRADE_OF_DIAGNOSIS = {"Melanoma in situ": 0, "Melanoma Invasive": 1, "Melanoma metastasis": 2}
FAIR_SITE = "International Dermoscopy Society"
"""The one society that gave both in situ and invasive melanomas in number: inside it the camera tells nothing."""


@dataclass(frozen=True)
class Stages:
    """Melanomas with a stage grade.

    Attributes:
        rows: int64[n], their rows in the table.
        grades: int64[n]: 0 in situ, 1 invasive, 2 metastasis.
        lesions: int64[n], images with the same number show the same lesion, patient or picture.
        fair: bool[n], from the society where in situ and invasive can be compared.
    """

    rows: NDArray[np.int64]
    grades: NDArray[np.int64]
    lesions: NDArray[np.int64]
    fair: NDArray[np.bool_]

    def subset(self, chosen: NDArray[np.int64]) -> Stages:
        """The chosen images, by position."""
        return Stages(self.rows[chosen], self.grades[chosen], self.lesions[chosen], self.fair[chosen])


def _patient_groups(images: list[Image], lesions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join groups that share a patient: the source records lesions for few and patients for more."""
    first: dict[str, int] = {}
    merged = lesions.copy()
    for position, image in enumerate(images):
        patient = image.clinical.patient
        if patient:
            earlier = first.setdefault(patient, position)
            merged[merged == merged[position]] = merged[earlier]
    return merged


def read_stages(table: Table) -> Stages:
    """The graded melanomas of the table.

    Raises:
        ValueError: There are none, or a grade is missing altogether.
    """
    chosen = [
        (row, GRADE_OF_DIAGNOSIS[image.facts["diagnosis_3"]])
        for row, image in enumerate(table.images)
        if image.source == SOURCE and image.facts.get("diagnosis_3") in GRADE_OF_DIAGNOSIS
    ]
    rows = np.array([row for row, _ in chosen], np.int64)
    grades = np.array([grade for _, grade in chosen], np.int64)
    if set(grades.tolist()) != {0, 1, 2}:
        raise ValueError(f"the grader needs images of all three grades in {SOURCE}/; see `python -m training data`")
    images = [table.images[row] for row in rows]
    fair = np.array([FAIR_SITE in image.facts.get("attribution", "") for image in images])
    return Stages(rows, grades, _patient_groups(images, table.lesions[rows]), fair)


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
