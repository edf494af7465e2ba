from dataclasses import replace

import numpy as np
import pytest

from training import metrics
from training.evaluation import Evaluated
from training.operating_points import SENSITIVITIES, choose_operating_points


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 30)


def _draw(seed: int, description: str, count: int = 600) -> Evaluated:
    random = np.random.default_rng(seed)
    kinds = random.choice(["melanoma", "other_malignant", "malignant", "benign"], count, p=[0.2, 0.1, 0.1, 0.6])
    logit = random.normal(0, 1.3, count) + np.where(kinds == "benign", -1.0, 1.0)
    probability = (1 / (1 + np.exp(-logit))).astype(np.float32).astype(np.float64)
    return Evaluated(
        description, kinds, probability, logit, np.arange(count), np.ones(count, bool), np.array([""] * count)
    )


def test_one_point_for_each_sensitivity() -> None:
    points = choose_operating_points(_draw(1, "validation"), _draw(2, "test"))
    assert [point.name for point in points] == ["melanoma_sensitivity_90", "melanoma_sensitivity_95"]
    assert points[0].threshold > points[1].threshold  # more sensitive, less specific
    assert points[0].specificity.value > points[1].specificity.value


def test_thresholds_reach_the_sensitivity_to_melanoma_on_validation_images() -> None:
    validation = _draw(1, "validation")
    for point, wanted in zip(choose_operating_points(validation, _draw(2, "test")), SENSITIVITIES, strict=True):
        found = (validation.probability[validation.melanoma] >= point.threshold).mean()
        assert wanted <= found < wanted + 0.02


def test_test_images_do_not_move_the_threshold() -> None:
    validation = _draw(1, "validation")
    first, second = (choose_operating_points(validation, _draw(seed, "test")) for seed in (2, 3))
    assert [point.threshold for point in first] == [point.threshold for point in second]
    assert first[0].sensitivity != second[0].sensitivity


def test_figures_are_for_malignancy_on_test_images() -> None:
    validation, test = _draw(1, "validation"), _draw(2, "test")
    for point in choose_operating_points(validation, test):
        called = test.probability >= point.threshold
        malignant = test.kinds != "benign"
        assert point.sensitivity.value == pytest.approx(called[malignant].mean(), abs=1e-4)
        assert point.specificity.value == pytest.approx((~called[~malignant]).mean(), abs=1e-4)
        assert point.sensitivity.low < point.sensitivity.value < point.sensitivity.high
        assert point.chosen_on == f"validation: {int(validation.melanoma.sum())} melanomas"
        assert point.measured_on == "test"


def test_scores_that_nearly_tie_keep_their_sensitivity() -> None:
    """Two probabilities closer than a rounded threshold could tell apart."""
    kinds = np.array(["melanoma"] * 10 + ["benign"] * 10)
    probability = np.concatenate([[0.1234567], np.linspace(0.5, 0.9, 9), np.full(10, 0.1234565)])
    validation = Evaluated("v", kinds, probability, probability, np.arange(20), np.ones(20, bool), np.array([""] * 20))
    point = choose_operating_points(validation, validation)[1]
    assert (probability[kinds == "melanoma"] >= point.threshold).all()
    assert (probability[kinds == "benign"] < point.threshold).all()


def test_where_no_melanoma_is_called_one_sensitivity_is_to_malignancy() -> None:
    validation = _draw(1, "validation")
    kinds = np.where(validation.kinds == "benign", "benign", "malignant")
    points = choose_operating_points(replace(validation, kinds=kinds), _draw(2, "test"))
    assert [point.name for point in points] == ["malignancy_sensitivity_90", "malignancy_sensitivity_95"]
    assert points[0].chosen_on == f"validation: {int(validation.malignant.sum())} malignancies"
    assert points[1].rule.endswith("95% of the validation malignancies malignant")
    found = (validation.probability[validation.malignant] >= points[1].threshold).mean()
    assert 0.95 <= found < 0.97


def _shifted(validation: Evaluated, by: float, description: str) -> Evaluated:
    """The same images, all of whose probabilities are lower by some."""
    return replace(validation, probability=validation.probability - by, description=description)


def test_every_source_reaches_the_sensitivity_and_not_their_mean_alone() -> None:
    """Of a source whose malignant lesions look more benign, fewer would be found at everybody's threshold."""
    validation = _draw(1, "validation")
    harder = _shifted(validation, 0.1, "harder")
    harder = harder.subset(harder.kinds != "other_malignant", "harder")
    sources = [_shifted(validation, 0.0, "easy"), harder]
    for point, wanted in zip(
        choose_operating_points(validation, _draw(2, "test"), sources), SENSITIVITIES, strict=True
    ):
        for source, positive in ((validation, validation.melanoma), (harder, harder.malignant)):
            assert (source.probability[positive] >= point.threshold).mean() >= wanted
        assert (harder.probability[harder.malignant] >= point.threshold).mean() < wanted + 0.02
        assert point.rule.endswith("validation melanomas malignant, of all together and of each source")
        melanomas, unnamed = int(validation.melanoma.sum()), int((validation.kinds == "malignant").sum())
        both = f"{melanomas} melanomas, {unnamed} malignant lesions of unnamed kind"
        assert point.chosen_on == f"validation: {melanomas} melanomas; easy: {both}; harder: {both}"


def test_a_source_with_a_few_melanomas_has_no_say_of_its_own() -> None:
    validation = _draw(1, "validation")
    validation = validation.subset(validation.kinds != "malignant", "validation")
    keep = np.cumsum(validation.melanoma) < 20
    few = _shifted(validation, 0.1, "few").subset(keep, "few")
    enough = _shifted(validation, 0.1, "enough").subset(np.cumsum(validation.melanoma) <= 20, "enough")
    alone, with_few, with_enough = (
        choose_operating_points(validation, _draw(2, "test"), sources)[1] for sources in ([], [few], [enough])
    )
    assert with_few == alone
    assert with_enough.threshold < alone.threshold


def test_a_handful_of_images_that_are_all_found_are_no_proof() -> None:
    """And one melanoma is no plural."""
    kinds = np.array(["melanoma", *["benign"] * 5])
    probability = np.where(kinds == "benign", 0.1, 0.9)
    few = Evaluated("f", kinds, probability, probability, np.arange(6), np.ones(6, bool), np.array([""] * 6))
    point = choose_operating_points(few, few)[0]
    assert (point.sensitivity.low, point.sensitivity.value, point.sensitivity.high) == (0.025, 1.0, 1.0)
    assert point.specificity.low == pytest.approx(0.025 ** (1 / 5), abs=1e-4)
    assert point.chosen_on == "f: 1 melanoma"
