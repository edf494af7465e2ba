from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.built import Data
from training import grader, metrics
from training.front import to_input
from training.grader import (
    FRAME_PENALTIES,
    PENALTIES,
    TOP,
    Sequential,
    check_enough,
    cross_validate,
    measure_grader,
    train_grader,
    view_features,
)
from training.metrics import auc
from training.stages import Stages, read_stages

WIDTH = 24


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader, "REPEATS", 1)
    monkeypatch.setattr(metrics, "REPEATS", 60)


def _stages(count: int = 160, seed: int = 0) -> Stages:
    """Half of the images in pairs of one patient; metastases never at the fair site."""
    random = np.random.default_rng(seed)
    lesions = np.where(np.arange(count) < count // 2, np.arange(count) // 2, np.arange(count))
    grades = random.choice(3, count, p=[0.3, 0.5, 0.2])[lesions]
    fair = (random.uniform(0, 1, count) < 0.7) & (grades < TOP)
    return Stages(np.arange(count), grades, lesions, fair)


def _features(stages: Stages, seed: int = 0, views: int = 2) -> NDArray[np.float64]:
    """Column 0 tells invasive, column 1 metastasis, and column 2 the site; the rest is noise."""
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (views, len(stages.grades), WIDTH))
    features[:, :, 0] += 1.5 * (stages.grades == 1)
    features[:, :, 1] += 3.0 * (stages.grades == TOP)
    features[:, :, 2] += 4.0 * stages.fair
    return features * np.linspace(0.1, 5, WIDTH) + 7


def test_probabilities_are_those_of_two_questions() -> None:
    random = np.random.default_rng(0)
    model = Sequential(random.normal(size=(WIDTH, 2)), random.normal(size=2))
    features = random.normal(0, 2, (50, WIDTH))
    found = model.probabilities(features)
    assert found.shape == (50, 3)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found >= 0).all()
    logits = features @ model.kernel + model.bias
    assert np.log(found[:, 1] / found[:, 0]) == pytest.approx(logits[:, 0], abs=1e-6)
    assert np.log(found[:, 2] / (1 - found[:, 2])) == pytest.approx(logits[:, 1], abs=1e-6)


def test_the_first_view_is_the_picture_itself(
    network: keras.Model, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grader, "VIEWS", 1)
    pixels = np.ascontiguousarray(data.table.pixels[200:203])
    found = view_features(network, pixels)
    assert found.shape == (2, 3, 1024)
    backbone = network.get_layer("backbone")
    expected = backbone.predict_on_batch(to_input(pixels.astype(np.float32))).mean(axis=(1, 2))
    assert found[0] == pytest.approx(expected, abs=1e-3)
    assert np.abs(found[1] - found[0]).mean() > 0.01
    assert (view_features(network, pixels) == found).all()  # seeded


def test_a_trained_grader_tells_the_grades() -> None:
    stages = _stages()
    model = train_grader(_features(stages), stages)
    other = _stages(seed=5)
    found = model.probabilities(_features(other, seed=6)[0])
    assert found.sum(axis=1) == pytest.approx(1)
    assert auc(other.grades == TOP, found[:, 2]) > 0.9
    early = other.grades < TOP
    assert auc(other.grades[early] == 1, (found[:, 1] / found[:, :2].sum(axis=1))[early]) > 0.7


def test_invasive_is_learned_inside_the_fair_site_only() -> None:
    """Elsewhere column 3 gives the answer away; a model that had looked there would lean on it."""
    stages = _stages()
    features = _features(stages)
    cheat = features.copy()
    cheat[:, ~stages.fair, 3] += 50.0 * (stages.grades[~stages.fair] == 1)
    honest, tempted = train_grader(features, stages, (1e-2,)), train_grader(cheat, stages, (1e-2,))
    assert (honest.kernel[:, 0] == tempted.kernel[:, 0]).all()
    assert (honest.kernel[:, 1] != tempted.kernel[:, 1]).any()


@pytest.mark.parametrize("count", [grader.FOLDS, grader.INNER_FOLDS])
def test_folds_never_share_a_lesion_or_patient(count: int, data: Data) -> None:
    for stages in (_stages(), read_stages(data.table)):
        held_out = []
        for fitted, left in grader._folds(stages, count, seed=1):
            assert not set(stages.lesions[fitted].tolist()) & set(stages.lesions[left].tolist())
            assert len(fitted) + len(left) == len(stages.grades)
            for grade in range(3):
                assert (stages.grades[fitted] == grade).any()
            early = stages.fair[fitted] & (stages.grades[fitted] < TOP)
            assert set(stages.grades[fitted][early].tolist()) == {0, 1}
            held_out += left.tolist()
        assert sorted(held_out) == list(range(len(stages.grades)))


def test_cross_validation_never_sees_what_it_predicts() -> None:
    """Features that name the lesion and nothing else: by heart they are perfect, out of fold worth nothing.

    Folds that part two images of a lesion would find the second by the first.
    """
    stages = _stages(count=120)
    metastasis, lesion = stages.grades == TOP, np.unique(stages.lesions, return_inverse=True)[1]
    grouped, leaking = [], []
    for seed in range(3):
        names = np.random.default_rng(seed).normal(0, 1, (120, 200))[lesion]
        by_heart = train_grader(names[None], stages, (1.0,)).probabilities(names)
        assert auc(metastasis, by_heart[:, 2]) > 0.99
        found = cross_validate(names[None], stages, "grouped", (1.0,))
        assert found.sum(axis=1) == pytest.approx(1)
        grouped.append(auc(metastasis, found[:, 2]))
        found = cross_validate(names[None], replace(stages, lesions=np.arange(120)), "leaking", (1.0,))
        leaking.append(auc(metastasis, found[:, 2]))
    assert np.mean(grouped) == pytest.approx(0.5, abs=0.12)
    assert np.mean(leaking) > np.mean(grouped) + 0.1


def test_cross_validation_averages_over_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = _stages(count=90)
    features = _features(stages, views=1)
    once = cross_validate(features, stages, "once", (1e-2,))
    monkeypatch.setattr(grader, "REPEATS", 3)
    thrice = cross_validate(features, stages, "thrice", (1e-2,))
    assert thrice.sum(axis=1) == pytest.approx(1)
    assert 0 < np.abs(thrice - once).max() < 0.5


def test_each_question_has_its_penalty_chosen_inside() -> None:
    """Noise calls for the strongest penalty, a clear signal for a weaker one."""
    stages = _stages()
    features = np.random.default_rng(1).normal(0, 1, (1, len(stages.grades), 60))
    assert grader._choose_penalties(features, stages, (1e-4, 10.0)) == [1e-4, 1e-4]
    features[:, :, 0] += 9.0 * (stages.grades == TOP)
    assert grader._choose_penalties(features, stages, (1e-4, 1e-1)) == [1e-4, 1e-1]
    assert grader._choose_penalties(_features(stages), stages, (1e-6, 1e-1)) == [1e-1, 1e-1]


def test_both_answers_of_a_question_weigh_equally() -> None:
    answer = np.array([True] + [False] * 9)
    assert grader._loss(np.zeros(10), answer) == pytest.approx(2 * np.log(2))
    assert grader._loss(np.where(answer, 0.0, -50.0), answer) == pytest.approx(np.log(2))
    assert grader._loss(np.zeros(9), answer[1:]) == pytest.approx(np.log(2))


def test_the_baseline_may_choose_weaker_penalties_than_the_grader() -> None:
    assert max(FRAME_PENALTIES) > max(PENALTIES)


def test_figures_stand_beside_those_of_the_baseline() -> None:
    stages = _stages()
    count = len(stages.grades)
    good = np.full((count, 3), 0.1)
    good[np.arange(count), stages.grades] = 0.8
    blind = np.tile([0.5, 0.3, 0.2], (count, 1))
    found = measure_grader(good, blind, stages)
    fair, three = found["in-situ-vs-invasive"], found["three-grades"]
    assert fair.metrics["auc"].value == 1
    assert fair.metrics["auc_of_frame_only_baseline"].value == 0.5
    assert three.metrics["balanced_accuracy"].value == 1
    assert three.metrics["balanced_accuracy_of_frame_only_baseline"].value == pytest.approx(1 / 3, abs=1e-4)
    chosen = stages.fair & (stages.grades < TOP)
    assert (fair.images, fair.positives) == (int(chosen.sum()), int((stages.grades[chosen] == 1).sum()))
    assert fair.groups == len(set(stages.lesions[chosen].tolist()))
    assert three.images == count
    assert not (fair.seen_in_training or three.seen_in_training)
    seen = measure_grader(good, blind, stages, seen=True)
    assert all(evaluation.seen_in_training for evaluation in seen.values())


def test_the_fair_comparison_ignores_metastases_and_other_sites() -> None:
    """Wrong everywhere but inside the society; and how likely a metastasis is does not move the comparison."""
    stages = _stages()
    count = len(stages.grades)
    invasive = np.where(stages.fair, stages.grades == 1, stages.grades != 1).astype(float) * 0.6 + 0.2
    metastasis = np.random.default_rng(0).uniform(0.01, 0.9, count)
    found = np.stack([(1 - metastasis) * (1 - invasive), (1 - metastasis) * invasive, metastasis], axis=1)
    assert measure_grader(found, found, stages)["in-situ-vs-invasive"].metrics["auc"].value == 1


def test_intervals_are_over_lesions_and_patients() -> None:
    stages = _stages(count=90)
    found = cross_validate(_features(stages, views=1), stages, "x", (1e-2,))
    repeated = stages.subset(np.repeat(np.arange(90), 6))
    alone = measure_grader(found, found, stages)["three-grades"].metrics["balanced_accuracy"]
    copied = measure_grader(np.repeat(found, 6, axis=0), np.repeat(found, 6, axis=0), repeated)
    wide = copied["three-grades"].metrics["balanced_accuracy"]
    assert wide.value == pytest.approx(alone.value, abs=1e-4)
    assert wide.high - wide.low > 0.6 * (alone.high - alone.low)
    naive = replace(repeated, lesions=np.arange(len(repeated.grades)))
    narrow = measure_grader(np.repeat(found, 6, axis=0), np.repeat(found, 6, axis=0), naive)
    narrow_interval = narrow["three-grades"].metrics["balanced_accuracy"]
    assert narrow_interval.high - narrow_interval.low < 0.6 * (wide.high - wide.low)


def test_too_few_lesions_of_a_grade_are_refused() -> None:
    """By lesions, and for the first question by those that are fair: a fold would have but one answer to learn from."""
    stages = _stages()
    check_enough(stages)
    metastases = np.flatnonzero(stages.grades == TOP)
    few = np.unique(stages.lesions[metastases])[: grader.FOLDS - 1]
    kept = np.flatnonzero((stages.grades < TOP) | np.isin(stages.lesions, few))
    with pytest.raises(ValueError, match=r"^4 lesions of grade 3 metastasis are too few .* at least 5 are needed$"):
        check_enough(stages.subset(kept))
    unfair = replace(stages, fair=stages.fair & (stages.grades != 0))
    message = "^0 lesions of grade 1 in situ in images of the International Dermoscopy Society are too few"
    with pytest.raises(ValueError, match=message):
        check_enough(unfair)
