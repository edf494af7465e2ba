"""How exactly a probability and the threshold that it is compared with are told in words."""

LEAST, MOST = 6, 12
"""Places behind the point: the first is more than the calibration knows, the last as many as a DICOM number holds."""


def rounded(share: float, places: int) -> str:
    """A share, 0 to 1, in words with so many places: what is not certain must not read as 0 or 1."""
    text = f"{share:.{places}f}"
    if not 0 < share < 1 or float(text) not in {0.0, 1.0}:
        return text
    least = 10.0**-places
    return f"less than {least:.{places}f}" if share < least else f"more than {1 - least:.{places}f}"


def places_of(probability: float | None, threshold: float) -> int:
    """With how many places both are told: where one is below the other, they must not read the same.

    Args:
        probability: 0 to 1; None where there is none.
        threshold: What it is compared with.
    """
    found = LEAST
    if probability is None or probability == threshold:
        return found
    while found < MOST and f"{probability:.{found}f}" == f"{threshold:.{found}f}":
        found += 1
    return found
