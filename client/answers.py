"""What the service answers, as far as a client needs it; a newer service may say more, which is kept.

The fields are those of the service's OpenAPI document; a test compares the two.
"""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base of all: immutable, and what a newer service adds is kept as it is."""

    model_config = ConfigDict(frozen=True, extra="allow")


class OperatingPoint(Answer):
    """The threshold that decided: a probability that reaches it is called malignant."""

    name: str
    threshold: float
    sensitivity: float
    sensitivity_ci: tuple[float, float]
    melanoma_sensitivity: float | None = None
    melanoma_sensitivity_ci: tuple[float, float] | None = None
    specificity: float
    specificity_ci: tuple[float, float]
    measured_on: str


class AtPrevalence(Answer):
    """What the decision is worth at the prevalence that was sent: computed, not measured there."""

    prevalence: float
    probability: float | None
    ppv: float | None
    ppv_ci: tuple[float, float] | None
    npv: float | None
    npv_ci: tuple[float, float] | None


class Image(Answer):
    """The image as the service received it; width and height are those of the upright picture in pixels."""

    sha256: str
    media_type: str
    width: int
    height: int
    frame: int | None = None


class Model(Answer):
    """The version that answered; `sha256` is its digest."""

    name: str
    version: int
    sha256: str
    runtime: str
    precision: str


class Explanation(Answer):
    """Where the evidence for malignancy is."""

    heatmap_png: str

    @property
    def heatmap(self) -> bytes:
        """The PNG, transparent where there is no evidence, to be laid over the upright picture."""
        return base64.b64decode(self.heatmap_png)


class Quality(Answer):
    """Whether the image is fit to be classified; `issues` names what is wrong with it."""

    acceptable: bool
    issues: list[str]


class Suspected(Answer):
    """One of the likeliest diagnoses; a suspicion from one picture."""

    code: str
    name: str
    icd10: list[str]
    probability: float


class Classification(Answer):
    """Benign or malignant; `probability` (0 to 1, of malignant) is None when the service abstained.

    It is calibrated for a share of malignant lesions, `calibrated_for_prevalence`; where they are rarer it is too high.
    """

    decision: Literal["benign", "malignant", "abstained"]
    probability: float | None
    calibrated_for_prevalence: float | None = None
    classes: dict[str, float] | None
    differential: list[Suspected] | None = None
    operating_point: OperatingPoint
    at_prevalence: AtPrevalence | None = None
    quality: Quality | None = None
    model: Model
    explanation: Explanation | None = None


class ClassifyAnswer(Classification):
    """Of /classify."""

    request_id: str
    image: Image
    intended_use: str


class Grade(Answer):
    """The stage grade that the image resembles; `evidence` says of each grade how well the data supports it.

    `caveat` says why this grade says little, where it does; it is to be shown wherever the grade is.
    """

    stage: int
    probabilities: dict[str, float]
    meaning: dict[str, str]
    label_policy: str
    evidence: dict[str, str]
    caveat: str | None = None


class Ajcc(Answer):
    """AJCC stage, computed from the pathology that was sent."""

    t_category: str | None
    clinical_stage_group: str | None
    edition: str
    basis: str


class GradeAnswer(Answer):
    """Of /grade. `grade` is None when it would mislead; `grade_withheld` then says why."""

    request_id: str
    classification: Classification
    grade: Grade | None
    grade_withheld: str | None
    ajcc: Ajcc | None
    image: Image
    model: Model
    intended_use: str


class Label(Answer):
    """Where a label points, and which version answers for it now."""

    version: int
    digest: str
    serving: int | None
    trouble: str | None
    share: float | None


class Version(Answer):
    """One version of a model and how it stands; `reason` says why it is refused."""

    version: int
    state: Literal["available", "serving", "loading", "refused"]
    reason: str | None
    digest: str | None
    labels: list[str]


class ModelAnswer(Answer):
    """One model with its labels and versions."""

    name: str
    labels: dict[str, Label]
    versions: list[Version]
