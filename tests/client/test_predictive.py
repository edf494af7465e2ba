import math

import pytest

from client import OperatingPoint
from client.predictive import negative_value, positive_value, predictive, shifted

POINT = OperatingPoint(
    name="sensitive",
    threshold=0.06,
    sensitivity=0.9536,
    sensitivity_ci=(0.9291, 0.9749),
    specificity=0.6126,
    specificity_ci=(0.5719, 0.6557),
    measured_on="painted",
)


def test_the_example_of_altman_and_bland() -> None:
    """Their liver scan: 231 of 258 abnormal found, 54 of 86 normal; prevalence 0.75 as there, and a quarter."""
    sensitivity, specificity = 231 / 258, 54 / 86
    assert positive_value(sensitivity, specificity, 258 / 344) == pytest.approx(231 / 263)
    assert negative_value(sensitivity, specificity, 258 / 344) == pytest.approx(54 / 81)
    assert round(positive_value(0.90, 0.63, 0.25), 2) == 0.45
    assert round(negative_value(0.90, 0.63, 0.25), 2) == 0.95


def test_values_are_counts_of_a_thousand_lesions() -> None:
    found = predictive(POINT, 0.05)
    assert found.positive.value == pytest.approx(47.68 / (47.68 + 950 * 0.3874))
    assert found.negative.value == pytest.approx(950 * 0.6126 / (950 * 0.6126 + 2.32))


def test_intervals_are_at_the_ends_of_both() -> None:
    found = predictive(POINT, 0.05)
    assert found.positive.low == positive_value(0.9291, 0.5719, 0.05) < found.positive.value < found.positive.high
    assert found.negative.high == negative_value(0.9749, 0.6557, 0.05) > found.negative.value > found.negative.low


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_what_is_no_prevalence_is_refused(prevalence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        predictive(POINT, prevalence)
    with pytest.raises(ValueError, match="between 0 and 1"):
        shifted(0.3, 0.2, prevalence)


def test_a_point_that_calls_everything_the_same_has_no_value() -> None:
    with pytest.raises(ValueError, match="everything the same"):
        positive_value(0.0, 1.0, 0.2)
    with pytest.raises(ValueError, match="everything the same"):
        negative_value(1.0, 0.0, 0.2)


def test_the_probability_is_shifted_by_the_odds_of_the_prevalences() -> None:
    assert shifted(0.37, 0.2, 0.2) == pytest.approx(0.37)
    odds = 0.37 / 0.63 * (0.05 / 0.95) / (0.2 / 0.8)
    assert shifted(0.37, 0.2, 0.05) == pytest.approx(odds / (1 + odds))
    assert (shifted(0.0, 0.2, 0.05), shifted(1.0, 0.2, 0.05)) == (0.0, 1.0)


@pytest.mark.parametrize(("prevalence", "expected"), [(5e-324, 0.0), (1 - 1e-16, 1.0)])
def test_no_prevalence_is_too_rare_or_too_frequent_to_compute(prevalence: float, expected: float) -> None:
    assert shifted(1e-7, 0.2, 5e-324) == pytest.approx(0.0)
    assert shifted(0.4, 0.2, prevalence) == pytest.approx(expected)
