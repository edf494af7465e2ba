"""What a decision is worth at the caller's own prevalence."""

from model_store.manifest import Calibration
from service.answers import AtPrevalence, OperatingPointInfo
from service.places import LEAST, rounded


def at_prevalence(
    point: OperatingPointInfo, probability: float | None, calibration: Calibration | None, prevalence: float | None
) -> AtPrevalence | None:
    """Predictive values of an operating point, and the probability, where malignant lesions are that frequent.

    Args:
        point: That decided.
        probability: Of malignant, as the version gives it; None when it abstained.
        calibration: Of the version; None if it has none.
        prevalence: The caller's, between 0 and 1; None if none was sent.

    Returns:
        None without a prevalence, or without a decision.
    """
    if prevalence is None or probability is None:
        return None
    # Only for who asks: what it comes with takes a tenth of a second to import.
    from client.predictive import predictive, shifted  # noqa: PLC0415

    there = None if calibration is None else shifted(probability, calibration.prevalence, prevalence)
    try:
        found = predictive(point, prevalence)
    except ValueError:  # one that calls everything the same
        return AtPrevalence(prevalence=prevalence, probability=there, ppv=None, ppv_ci=None, npv=None, npv_ci=None)
    positive, negative = found.positive, found.negative
    return AtPrevalence(
        prevalence=prevalence,
        probability=there,
        ppv=positive.value,
        ppv_ci=(positive.low, positive.high),
        npv=negative.value,
        npv_ci=(negative.low, negative.high),
    )


def in_words(at: AtPrevalence) -> str:
    """The same for people, as FHIR and DICOM have it."""
    parts = [f"Where {100 * at.prevalence:.4g} % of the lesions are malignant, computed and not measured there:"]
    if at.probability is not None:
        parts.append(f"probability of malignancy {rounded(at.probability, LEAST)};")
    parts.append(f"of those called malignant {_told(at.ppv, at.ppv_ci)} are (PPV),")
    parts.append(f"of those called benign {_told(at.npv, at.npv_ci)} are (NPV).")
    return " ".join(parts)


def _told(value: float | None, ends: tuple[float, float] | None) -> str:
    if value is None or ends is None:
        return "a share that cannot be known"
    low, high = (rounded(end, 4) for end in ends)
    return f"{rounded(value, 4)} ({low} to {high})"
