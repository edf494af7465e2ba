import pytest

from model_store.manifest import Calibration
from service.answers import OperatingPointInfo
from service.prevalence import at_prevalence, in_words

POINT = OperatingPointInfo(
    name="sensitive", threshold=0.06, sensitivity=0.9, sensitivity_ci=(0.8, 0.95), specificity=0.6,
    specificity_ci=(0.5, 0.7), measured_on="painted",
)  # fmt: skip
CALIBRATION = Calibration(method="made up", prevalence=0.2, fitted_on="painted", parameters={})


def test_it_is_bayes_theorem_at_the_ends_of_both_intervals() -> None:
    found = at_prevalence(POINT, 0.5, CALIBRATION, 0.1)
    assert found is not None
    assert found.prevalence == 0.1
    assert found.probability == pytest.approx(4 / 13)
    assert found.ppv == pytest.approx(0.09 / 0.45)
    assert found.npv == pytest.approx(0.54 / 0.55)
    assert found.ppv_ci == pytest.approx((0.08 / 0.53, 0.095 / 0.365))
    assert found.npv_ci == pytest.approx((0.45 / 0.47, 0.63 / 0.635))
    assert in_words(found) == (
        "Where 10 % of the lesions are malignant, computed and not measured there: probability of malignancy 0.307692; "
        "of those called malignant 0.2000 (0.1509 to 0.2603) are (PPV), of those called benign 0.9818 (0.9574 to "
        "0.9921) are (NPV)."
    )


def test_nothing_is_said_where_nothing_was_asked_or_nothing_decided() -> None:
    assert at_prevalence(POINT, 0.5, CALIBRATION, None) is None
    assert at_prevalence(POINT, None, CALIBRATION, 0.1) is None


def test_a_version_that_is_calibrated_for_no_prevalence_has_no_probability_there() -> None:
    found = at_prevalence(POINT, 0.5, None, 0.1)
    assert found is not None
    assert found.probability is None
    assert found.ppv is not None
    assert "probability" not in in_words(found)


def test_of_a_point_that_calls_everything_the_same_no_value_is_made_up() -> None:
    same = POINT.model_copy(update={"sensitivity": 0.0, "sensitivity_ci": (0.0, 0.1), "specificity": 1.0})
    found = at_prevalence(same, 0.5, CALIBRATION, 0.1)
    assert found is not None
    assert (found.ppv, found.ppv_ci, found.npv, found.npv_ci) == (None, None, None, None)
    assert "of those called malignant a share that cannot be known are (PPV)" in in_words(found)
