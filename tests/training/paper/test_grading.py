from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.built import Data
from training import grader, metrics
from training.paper import fit, grading
from training.paper.candidates import Candidate
from training.paper.data import PaperData
from training.paper.experiment import Experiment
from training.paper.fit import LEARNED
from training.paper.grading import Graded, grade_on
from training.paper.network import build
from training.paper.recipe import PaperRecipe

FROZEN = Candidate("mobilenet-frozen", "MobileNet, frozen base", "frozen", ("mobilenet",))
WHOLE = Candidate("mobilenet-fine-tuned", "MobileNet, end to end", "fine-tuned", ("mobilenet",))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 20)
    monkeypatch.setattr(grader, "REPEATS", 1)


@pytest.fixture
def experiment(data: Data, paper: PaperData, quick: PaperRecipe, weights_folder: Path, tmp_path: Path) -> Experiment:
    return Experiment(data.table, paper, quick, str(weights_folder), tmp_path)


def test_it_stands_beside_the_frame_alone_and_is_kept(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    found = grade_on(experiment, FROZEN)
    assert isinstance(found, Graded)
    assert list(found.evaluations) == ["in-situ-vs-invasive", "three-grades"]
    assert set(found.evaluations["in-situ-vs-invasive"].metrics) == {"auc", "auc_of_frame_only_baseline"}
    monkeypatch.setattr(grading, "features_of", lambda *_: pytest.fail("measured twice"))
    assert grade_on(experiment, FROZEN) == found


def test_of_other_images_it_is_measured_anew(experiment: Experiment) -> None:
    before = grade_on(experiment, FROZEN)
    darker = replace(experiment.table, pixels=np.asarray(experiment.table.pixels) // 2)
    after = grade_on(replace(experiment, table=darker), FROZEN)
    assert isinstance(before, Graded)
    assert isinstance(after, Graded)
    assert after.images != before.images


def test_only_a_base_that_learned_from_copies_has_seen_them(experiment: Experiment) -> None:
    """The painted melanoma10000 has a copy of a graded melanoma among what is trained on."""
    network = build(WHOLE, experiment.recipe, experiment.weights)
    network.save_weights(experiment.place(WHOLE) / LEARNED)
    for candidate, seen in ((FROZEN, False), (WHOLE, True)):
        found = grade_on(experiment, candidate)
        assert isinstance(found, Graded)
        assert {evaluation.seen_in_training for evaluation in found.evaluations.values()} == {seen}


def test_its_features_are_those_that_were_learned(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[list[NDArray[np.float32]]] = []
    original = fit.features_of

    def remember(network: keras.Model, *arguments: Any) -> NDArray[np.float32]:
        shown.append(network.get_layer("mobilenet").get_weights())
        return original(network, *arguments)

    monkeypatch.setattr(grading, "features_of", remember)
    network = build(WHOLE, experiment.recipe, experiment.weights)
    base = network.get_layer("mobilenet")
    base.set_weights([value * 1.01 for value in base.get_weights()])
    network.save_weights(experiment.place(WHOLE) / LEARNED)
    for candidate in (FROZEN, WHOLE):
        assert isinstance(grade_on(experiment, candidate), Graded)
    for given, learned in zip(*shown, strict=True):
        assert learned == pytest.approx(given * 1.01, rel=1e-6)


def test_without_graded_melanomas_it_says_so(experiment: Experiment) -> None:
    ungraded = [
        replace(image, facts={}, clinical=replace(image.clinical, thickness_mm=None))
        for image in experiment.table.images
    ]
    found = grade_on(replace(experiment, table=replace(experiment.table, images=ungraded)), FROZEN)
    assert isinstance(found, str)
    assert "the grader needs" in found
