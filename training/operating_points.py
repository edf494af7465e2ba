"""Thresholds on the calibrated probability: chosen on validation images, measured on test images."""

from __future__ import annotations

from collections.abc import Sequence

from model_store.manifest import OperatingPoint
from training.evaluation import Evaluated
from training.metrics import Bools, Share, bootstrap, threshold_for_sensitivity

SENSITIVITIES = (0.90, 0.95)
"""The last is the default."""

LEAST_OF_A_SOURCE = 20
"""Melanomas with which a source has a say of its own: of fewer, one or two would move everybody's threshold."""

_PLURAL = {"melanoma": "melanomas", "malignancy": "malignancies"}


def choose_operating_points(
    validation: Evaluated, test: Evaluated, sources: Sequence[Evaluated] = ()
) -> list[OperatingPoint]:
    """One operating point for each wanted sensitivity to melanoma, or to malignancy where no melanoma is called one.

    The threshold comes from validation images alone, and every source must reach the sensitivity, not only all of them
    together: a clinic is like one of them rather than like their mean. Sensitivity and specificity are those for
    malignancy (melanoma, carcinoma, precursor), since that is what the decision says, measured on the test images.

    Args:
        validation: The validation images that also calibrate.
        test: What the points are measured on.
        sources: Those of each source alone, also of one whose two classes cannot be compared: how many of its malignant
            lesions are found does not depend on its benign ones.
    """
    named, positive = "melanoma", validation.melanoma
    if not positive.any():
        named, positive = "malignancy", validation.malignant
    several = [(source, found) for source in sources if (found := _asked_of(source, named)).sum() >= LEAST_OF_A_SOURCE]
    asked = [(validation, positive), *several]
    count = int(positive.sum())
    chosen_on = f"{validation.description}: {count} {_PLURAL[named] if count > 1 else named}"
    also = "; ".join(f"{source.description}: {_counted(source, found)}" for source, found in several)
    return [
        _measured(
            test,
            name=f"{named}_sensitivity_{round(wanted * 100)}",
            rule=f"highest threshold that calls at least {wanted:.0%} of the validation {_PLURAL[named]} malignant"
            + (", of all together and of each source" if several else ""),
            threshold=min(threshold_for_sensitivity(found, data.probability, wanted) for data, found in asked),
            chosen_on=f"{chosen_on}; {also}" if also else chosen_on,
        )
        for wanted in SENSITIVITIES
    ]


def _asked_of(source: Evaluated, named: str) -> Bools:
    """The images of a source that a point must find: those named, and those called malignant without a name."""
    return source.malignant if named == "malignancy" else source.melanoma | (source.kinds == "malignant")


def _counted(source: Evaluated, found: Bools) -> str:
    unnamed = int((found & (source.kinds == "malignant")).sum())
    melanomas = int((found & source.melanoma).sum())
    parts = [(melanomas, "melanomas"), (unnamed, "malignant lesions of unnamed kind")]
    if int(found.sum()) > melanomas + unnamed:
        return f"{int(found.sum())} malignancies"
    return ", ".join(f"{count} {what}" for count, what in parts if count)


def _measured(test: Evaluated, *, name: str, rule: str, threshold: float, chosen_on: str) -> OperatingPoint:
    called = test.probability >= threshold
    return OperatingPoint(
        name=name,
        rule=rule,
        threshold=threshold,
        sensitivity=bootstrap(Share(called, test.malignant), test.lesions),
        specificity=bootstrap(Share(~called, ~test.malignant), test.lesions),
        chosen_on=chosen_on,
        measured_on=test.description,
    )
