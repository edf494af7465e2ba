"""What a version says of itself, as far as a client needs it; the rest of its manifest is kept.

The fields are those of the manifests in the service's store; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime

from client.answers import Answer, Version


class Measured(Answer):
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float


class Evaluation(Answer):
    """What was measured on one set of images. `groups` counts lesions or patients."""

    description: str
    images: int
    positives: int
    groups: int
    metrics: dict[str, Measured]
    seen_in_training: bool


class Calibration(Answer):
    """The share of malignant lesions for which the probability is meant."""

    prevalence: float


class MeasuredPoint(Answer):
    """A threshold, and what it was measured to do."""

    name: str
    rule: str
    threshold: float
    sensitivity: Measured
    specificity: Measured
    measured_on: str


class Manifest(Answer):
    """One version: what it is for, how it was measured, and which files it has."""

    created: datetime
    summary: str
    label_policy: str
    classes: dict[str, str]
    files: dict[str, object]
    calibration: Calibration | None
    operating_points: list[MeasuredPoint]
    default_operating_point: str | None
    evaluations: dict[str, Evaluation]
    intended_use: str


class VersionAnswer(Version):
    """One version with its manifest, which is None while it is refused or being tried."""

    name: str
    manifest: Manifest | None
