import numpy as np
import pytest
from numpy.typing import NDArray

from training.metrics import (
    Share,
    auc,
    bootstrap,
    expected_calibration_error,
    prevalence_weights,
    share,
    threshold_for_sensitivity,
)

SENSITIVITIES = (0.5, 0.9, 0.95, 1.0)


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    positive = np.array([True, True, False, False, False])
    score = np.array([0.9, 0.4, 0.5, 0.4, 0.1])
    assert auc(positive, score) == pytest.approx((3 + 0 + 0.5 + 1) / 6)
    assert auc(positive, -score) == pytest.approx(1 - 4.5 / 6)


@pytest.mark.parametrize("positive", [[True, True], [False, False]])
def test_auc_of_one_class_is_not_a_number(positive: list[bool]) -> None:
    assert np.isnan(auc(np.array(positive), np.array([0.1, 0.2])))


def test_share() -> None:
    assert share(np.array([True, False, False, True])) == 0.5
    assert np.isnan(share(np.array([], bool)))


@pytest.mark.parametrize("sensitivity", SENSITIVITIES)
@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_the_threshold_reaches_the_sensitivity_even_with_ties(sensitivity: float, decimals: int) -> None:
    random = np.random.default_rng(decimals)
    for count in (1, 2, 7, 10, 19, 20, 57, 200):
        score = np.round(random.uniform(0.01, 0.99, 3 * count), decimals)
        positive = np.arange(3 * count) < count
        threshold = threshold_for_sensitivity(positive, score, sensitivity)
        found = score[positive]
        assert (found >= threshold).mean() >= sensitivity
        # No higher one would do: the next score above it already loses too many.
        above = score[score > found[found >= threshold].min()]
        assert not len(above) or (found >= above.min()).mean() < sensitivity


def test_the_threshold_is_exact_for_every_number_of_positives() -> None:
    """0.9 * 30 is not quite 27 in floating point: one lesion more or less must not be lost to that."""
    for count in range(1, 1200):
        score = np.arange(1, count + 1) / 2000
        for percent in (90, 95):
            needed = -(-percent * count // 100)
            threshold = threshold_for_sensitivity(np.ones(count, bool), score, percent / 100)
            assert int((score >= threshold).sum()) == needed, (count, percent)


def test_rounding_of_a_score_does_not_flip_the_decision() -> None:
    positive = np.array([True, True, False, False])
    threshold = threshold_for_sensitivity(positive, np.array([0.8, 0.6, 0.4, 0.2]), 1.0)
    assert threshold == pytest.approx(0.5)


def test_without_positives_there_is_no_threshold() -> None:
    with pytest.raises(ValueError, match="no positives"):
        threshold_for_sensitivity(np.zeros(3, bool), np.array([0.1, 0.2, 0.3]), 0.9)


def test_weights_make_the_prevalence() -> None:
    positive = np.arange(50) < 35
    weights = prevalence_weights(positive, 0.2)
    assert weights.sum() == pytest.approx(50)
    assert weights[positive].sum() / weights.sum() == pytest.approx(0.2)
    assert len(set(weights[positive])) == len(set(weights[~positive])) == 1


def test_calibration_error_of_calibrated_probabilities_is_small() -> None:
    random = np.random.default_rng(0)
    probability = random.uniform(0, 1, 20_000)
    positive = random.uniform(0, 1, 20_000) < probability
    even = np.ones(20_000)
    assert expected_calibration_error(positive, probability, even) < 0.01
    assert expected_calibration_error(positive, np.clip(probability + 0.2, 0, 1), even) > 0.15
    assert expected_calibration_error(positive, np.full(20_000, 0.5), even) < 0.02  # useless, but calibrated


def test_calibration_error_is_measured_at_the_prevalence() -> None:
    """Images are half malignant, probabilities are meant for a fifth: right only when weighted."""
    random = np.random.default_rng(1)
    logit = random.normal(-1.4, 1.5, 40_000)
    probability = 1 / (1 + np.exp(-logit))
    malignant = random.uniform(0, 1, 40_000) < probability
    prevalence = float(malignant.mean())
    kept = np.concatenate([np.flatnonzero(malignant), np.flatnonzero(~malignant)[: malignant.sum()]])
    positive, said = malignant[kept], probability[kept]
    assert expected_calibration_error(positive, said, np.ones(len(kept))) > 0.1
    assert expected_calibration_error(positive, said, prevalence_weights(positive, prevalence)) < 0.02


def _mean(values: NDArray[np.float64], lesions: NDArray[np.int64], seed: int = 0) -> tuple[float, float, float]:
    measured = bootstrap(lambda rows: float(values[rows].mean()), lesions, seed)
    return measured.low, measured.value, measured.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.metrics.REPEATS", 300)
    random = np.random.default_rng(2)
    covered = 0
    for repeat in range(120):
        low, _, high = _mean(random.normal(0.3, 1, 60), np.arange(60), repeat)
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 120 <= 0.99


def test_images_of_one_lesion_count_once() -> None:
    """Ten copies of each image make nothing surer."""
    random = np.random.default_rng(3)
    values = random.normal(0, 1, 40)
    low, value, high = _mean(values, np.arange(40))
    copied_low, copied_value, copied_high = _mean(np.repeat(values, 10), np.repeat(np.arange(40), 10))
    assert copied_value == pytest.approx(value, abs=1e-4)
    assert copied_high - copied_low == pytest.approx(high - low, rel=0.15)
    naive_low, _, naive_high = _mean(np.repeat(values, 10), np.arange(400))
    assert naive_high - naive_low < 0.5 * (high - low)


def test_whole_lesions_are_drawn_whatever_their_numbers() -> None:
    lesions = np.array([70, 3, 70, 9, 3, 70])
    seen: list[NDArray[np.int64]] = []

    def look(rows: NDArray[np.int64]) -> float:
        seen.append(rows)
        return 1.0

    bootstrap(look, lesions)
    assert seen[0].tolist() == [0, 1, 2, 3, 4, 5]
    for rows in seen[1:]:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2] == counts[5]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3
    assert len({tuple(rows) for rows in seen[1:]}) > 5


def test_draws_on_which_the_figure_is_not_defined_are_left_out() -> None:
    positive = np.array([True] + [False] * 5)
    score = np.array([0.9, 0.1, 0.2, 0.95, 0.3, 0.4])
    measured = bootstrap(lambda rows: auc(positive[rows], score[rows]), np.arange(6))
    assert measured.value == pytest.approx(0.8)
    assert 0 <= measured.low <= measured.value <= measured.high <= 1


def test_a_figure_that_is_not_defined_is_refused() -> None:
    with pytest.raises(ValueError, match="not defined"):
        bootstrap(lambda rows: float("nan"), np.arange(4))


def test_a_share_is_that_of_the_drawn_rows_inside() -> None:
    found = Share(np.array([True, False, True, False]), np.array([True, True, False, False]))
    assert found(np.array([0, 1, 2, 3])) == 0.5
    assert found(np.array([0, 0, 0, 1])) == 0.75
    assert np.isnan(found(np.array([2, 3])))


@pytest.mark.parametrize(("hit", "count", "low", "high"), [(True, 16, 0.7941, 1.0), (False, 6, 0.0, 0.4593)])
@pytest.mark.parametrize("copies", [1, 10])
def test_a_share_of_all_or_none_is_as_sure_as_its_lesions_are_many(
    hit: bool, count: int, low: float, high: float, copies: int
) -> None:
    """Beside them lie as many others, which do not count; nor do copies."""
    among = np.repeat(np.arange(2 * count) < count, copies)
    hits = np.where(among, hit, not hit)
    found = bootstrap(Share(hits, among), np.repeat(np.arange(2 * count), copies))
    assert (found.low, found.value, found.high) == (low, float(hit), high)


def test_another_share_has_the_interval_of_its_draws() -> None:
    hits = np.arange(40) < 30
    drawn = bootstrap(lambda rows: float(hits[rows].mean()), np.arange(40))
    assert bootstrap(Share(hits, np.ones(40, bool)), np.arange(40)) == drawn
    assert drawn.low < 0.75 < drawn.high < 1
