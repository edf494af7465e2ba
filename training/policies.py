"""What a stage grade is learned from: how deep a melanoma grew by words (invasion), or by millimetres (thickness).

Thickness is what the clinical T category is made of, so it is taken where enough images record it; else invasion.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.images import Image
from training.labels import MELANOMA

FAIR_SITE = "International Dermoscopy Society"
"""The one society that gave both in situ and invasive melanomas in number: inside it the camera tells nothing."""

INVASION_SOURCE = "melanoma-severity"
GRADE_OF_DIAGNOSIS = {"Melanoma in situ": 0, "Melanoma Invasive": 1, "Melanoma metastasis": 2}

T1_UP_TO_MM, T2_UP_TO_MM = 1.0, 2.0
"""AJCC 8th edition (Gershenwald 2017, doi 10.3322/caac.21409): T1 up to 1.0 mm, T2 over 1.0 to 2.0, T3 and T4 over."""

LEAST_LESIONS = 20
"""Lesions of each grade without which a policy learns nothing that could be measured."""


@dataclass(frozen=True)
class Policy:
    """From which labels grades are learned.

    Attributes:
        name: As in the manifest's recipe.
        grade_of: 0, 1 or 2 of an image; None if it has no grade.
        names: Of the grades, for plots.
        meanings: Of the grades, for answers.
        text: The label policy in the manifest.
        question: Name of the first question, which parts the lower two grades.
        parted: The same in words.
        site: Where the first question is learned and measured, if it is fair in one place only; else "".
        needs: What images it takes, for a message.
    """

    name: str
    grade_of: Callable[[Image], int | None]
    names: tuple[str, str, str]
    meanings: dict[str, str]
    text: str
    question: str
    parted: str
    site: str
    needs: str

    def fair(self, image: Image) -> bool:
        """Whether the first question may be learned from an image."""
        return not self.site or self.site in image.facts.get("attribution", "")


def _by_invasion(image: Image) -> int | None:
    known = image.source == INVASION_SOURCE
    return GRADE_OF_DIAGNOSIS.get(image.facts.get("diagnosis_3", "")) if known else None


def _by_thickness(image: Image) -> int | None:
    thickness, diagnosis = image.clinical.thickness_mm, image.clinical.diagnosis.lower()
    # What is recorded beside a metastasis is the thickness of the melanoma that it comes from, not of what is seen.
    if image.label != MELANOMA or "metasta" in diagnosis:
        return None
    if thickness is None:
        return 0 if "in situ" in diagnosis else None
    # AJCC's bands are of thickness in tenths of a millimetre, rounded half up.
    recorded = math.floor(round(10 * thickness, 6) + 0.5) / 10
    return int(recorded > T1_UP_TO_MM) + int(recorded > T2_UP_TO_MM)


INVASION = Policy(
    name="invasion",
    grade_of=_by_invasion,
    names=("1 in situ", "2 invasive", "3 metastasis"),
    meanings={
        "1": "resembles melanoma in situ",
        "2": "resembles invasive melanoma",
        "3": "resembles melanoma metastasis in the skin",
    },
    text="Stage grade by invasion as the ISIC Archive's diagnosis says it: 1 melanoma in situ, 2 invasive melanoma, 3 "
    "melanoma metastasis. It is the grade that the picture resembles, learned from melanomas only; it is not a "
    "clinical stage, which needs a biopsy and the state of the lymph nodes.",
    question="in-situ-vs-invasive",
    parted="in situ against invasive",
    site=FAIR_SITE,
    needs=f"images of all three grades in {INVASION_SOURCE}/",
)

THICKNESS = Policy(
    name="thickness",
    grade_of=_by_thickness,
    names=("1 up to 1 mm", "2 over 1 to 2 mm", "3 over 2 mm"),
    meanings={
        "1": "resembles a melanoma of up to 1.0 mm (or in situ)",
        "2": "resembles a melanoma of over 1.0 to 2.0 mm",
        "3": "resembles a melanoma of over 2.0 mm",
    },
    text="Thickness grade by the Breslow thickness that pathology measured, in bands of AJCC's 8th edition: 1 up to "
    "1.0 mm (T1, in situ included), 2 over 1.0 to 2.0 mm (T2), 3 over 2.0 mm (T3 and T4). It is the grade that the "
    "picture resembles, learned from melanomas only; it is no measurement of thickness and not a clinical stage, which "
    "needs a biopsy and the state of the lymph nodes.",
    question="up-to-1-mm-vs-1-to-2-mm",
    parted="up to 1 mm against 1 to 2 mm",
    site="",
    needs="melanomas of all three thickness bands with their thickness recorded",
)

POLICIES = {policy.name: policy for policy in (INVASION, THICKNESS)}


def choose_policy(images: Sequence[Image], lesions: Sequence[int]) -> Policy:
    """Thickness if enough lesions of every band record it, else invasion.

    Args:
        images: All there are.
        lesions: Which of them show the same lesion.
    """
    of_grade: dict[int, set[int]] = defaultdict(set)
    for image, lesion in zip(images, lesions, strict=True):
        grade = THICKNESS.grade_of(image)
        if grade is not None:
            of_grade[grade].add(lesion)
    return THICKNESS if all(len(of_grade[grade]) >= LEAST_LESIONS for grade in range(3)) else INVASION
