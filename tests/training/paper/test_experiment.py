from pathlib import Path

import numpy as np

from tests.training.built import Data
from training.paper.candidates import Candidate
from training.paper.data import PaperData
from training.paper.experiment import Experiment
from training.paper.recipe import PaperRecipe


def test_features_are_computed_once_for_all_that_have_the_same_base(
    data: Data, paper: PaperData, tmp_path: Path
) -> None:
    experiment = Experiment(data.table, paper, PaperRecipe(), "nowhere", tmp_path)
    made: list[int] = []

    def make() -> np.ndarray:
        made.append(1)
        return np.full((1, 2), len(made), np.float32)

    for _ in range(2):
        assert experiment.features("a-frozen", "training", make).tolist() == [[1.0, 1.0]]
    assert experiment.features("a-scratch", "training", make).tolist() == [[2.0, 2.0]]
    assert experiment.place(Candidate("x", "X", "knn")).is_dir()
