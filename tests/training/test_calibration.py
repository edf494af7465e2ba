import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from training.calibration import fit_platt
from training.metrics import prevalence_weights


def _sample(slope: float, intercept: float, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Raw logits, and which images are malignant if sigmoid(slope * logit + intercept) is the truth."""
    random = np.random.default_rng(seed)
    logit = random.normal(0.5, 2, count)
    truth = 1 / (1 + np.exp(-(slope * logit + intercept)))
    return random.uniform(0, 1, count) < truth, logit


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.6, -1.5), (2.2, 0.8)])
def test_a_known_slope_and_intercept_are_found_again(slope: float, intercept: float) -> None:
    malignant, logit = _sample(slope, intercept, 60_000)
    fitted = fit_platt(malignant, logit, prevalence=float(malignant.mean()))
    assert fitted.slope == pytest.approx(slope, rel=0.05)
    assert fitted.intercept == pytest.approx(intercept, abs=0.07)


@pytest.mark.parametrize("prevalence", [0.02, 0.2, 0.7])
def test_another_prevalence_moves_the_intercept_by_the_log_odds(prevalence: float) -> None:
    malignant, logit = _sample(1.2, -0.4, 60_000)
    seen = float(malignant.mean())
    fitted = fit_platt(malignant, logit, prevalence)
    shift = np.log(prevalence / (1 - prevalence)) - np.log(seen / (1 - seen))
    assert fitted.slope == pytest.approx(1.2, rel=0.06)
    assert fitted.intercept == pytest.approx(-0.4 + shift, abs=0.1)


def test_at_the_prevalence_the_mean_probability_is_the_prevalence() -> None:
    malignant, logit = _sample(0.9, 0.3, 5_000)
    fitted = fit_platt(malignant, logit, 0.2)
    probability = 1 / (1 + np.exp(-(fitted.slope * logit + fitted.intercept)))
    mean = 0.2 * probability[malignant].mean() + 0.8 * probability[~malignant].mean()
    assert mean == pytest.approx(0.2, abs=0.002)  # maximum likelihood guarantees it


def test_a_few_images_that_happen_to_lie_apart_give_no_slope_without_bound() -> None:
    malignant, logit = np.arange(6) > 2, np.array([-2.0, -1.5, -1.0, 1.0, 1.5, 2.0])
    for prevalence in (0.02, 0.2, 0.7):
        fitted = fit_platt(malignant, logit, prevalence)
        assert 0.3 < fitted.slope < 3
        probability = 1 / (1 + np.exp(-(fitted.slope * logit + fitted.intercept)))
        mean = prevalence * probability[malignant].mean() + (1 - prevalence) * probability[~malignant].mean()
        assert mean == pytest.approx(prevalence, abs=0.002)  # however few they are


def test_with_as_many_images_as_the_bundled_version_had_the_fit_hardly_moves() -> None:
    malignant, logit = _sample(0.9, -1.0, 800)
    plain = LogisticRegression(C=np.inf, max_iter=1000)
    plain.fit(logit[:, None], malignant, sample_weight=prevalence_weights(malignant, 0.2))
    fitted = fit_platt(malignant, logit, 0.2)
    assert fitted.slope == pytest.approx(float(plain.coef_[0, 0]), rel=0.03)
    assert fitted.intercept == pytest.approx(float(plain.intercept_[0]), abs=0.03)


def test_a_logit_that_falls_with_malignancy_is_refused() -> None:
    malignant, logit = _sample(1.0, 0.0, 500)
    with pytest.raises(ValueError, match="does not rise with malignancy"):
        fit_platt(malignant, -logit, 0.2)


@pytest.mark.parametrize("malignant", [True, False])
def test_one_class_alone_cannot_be_calibrated_on(malignant: bool) -> None:
    with pytest.raises(ValueError, match="needs malignant and benign"):
        fit_platt(np.full(5, malignant), np.arange(5.0), 0.2)
