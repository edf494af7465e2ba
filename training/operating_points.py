"""Thresholds on the calibrated probability: chosen on validation images, measured on test images."""

from __future__ import annotations

from model_store.manifest import OperatingPoint
from training.evaluation import Evaluated
from training.metrics import Share, bootstrap, threshold_for_sensitivity

SENSITIVITIES = (0.90, 0.95)
"""The last is the default."""


_PLURAL = {"melanoma": "melanomas", "malignancy": "malignancies"}


def choose_operating_points(validation: Evaluated, test: Evaluated) -> list[OperatingPoint]:
    """One operating point for each wanted sensitivity to melanoma, or to malignancy where no melanoma is called one.

    The threshold comes from the validation images alone. Sensitivity and specificity are those for malignancy
    (melanoma, carcinoma, precursor), since that is what the decision says, measured on the test images.
    """
    points = []
    named, positive = "melanoma", validation.melanoma
    if not positive.any():
        named, positive = "malignancy", validation.malignant
    count = int(positive.sum())
    for wanted in SENSITIVITIES:
        threshold = threshold_for_sensitivity(positive, validation.probability, wanted)
        called = test.probability >= threshold
        sensitivity = bootstrap(Share(called, test.malignant), test.lesions)
        specificity = bootstrap(Share(~called, ~test.malignant), test.lesions)
        points.append(
            OperatingPoint(
                name=f"{named}_sensitivity_{round(wanted * 100)}",
                rule=f"highest threshold that calls at least {wanted:.0%} of the validation {_PLURAL[named]} malignant",
                threshold=threshold,
                sensitivity=sensitivity,
                specificity=specificity,
                chosen_on=f"{validation.description}: {count} {_PLURAL[named] if count > 1 else named}",
                measured_on=test.description,
            )
        )
    return points
