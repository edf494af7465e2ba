"""What every kind of candidate learns, on the painted data in small."""

import numpy as np
import pytest

from tests.training.built import Data
from training.paper.candidates import Candidate
from training.paper.data import PaperData
from training.paper.experiment import Experiment
from training.paper.fit import LEARNED, history, learned_and_watched, train
from training.paper.network import build
from training.paper.recipe import PaperRecipe
from training.paper.stopwatch import Stopwatch

JOINED = Candidate("joined", "Joined", "joined", ("cnn", "mobilenet"))


@pytest.fixture(scope="module")
def experiment(
    data: Data, paper: PaperData, quick: PaperRecipe, tmp_path_factory: pytest.TempPathFactory
) -> Experiment:
    return Experiment(data.table, paper, quick, "nowhere", tmp_path_factory.mktemp("fit"))


def test_an_ensemble_joins_what_its_bases_have_learned_alone(experiment: Experiment) -> None:
    with pytest.raises(FileNotFoundError):
        train(experiment, JOINED, Stopwatch(experiment.folder / "seconds"))
    alone = {member.bases[0]: train(experiment, member, Stopwatch(experiment.place(member) / "seconds"))
             for member in JOINED.members}  # fmt: skip
    network = train(experiment, JOINED, Stopwatch(experiment.place(JOINED) / "seconds"))
    for base, learned in alone.items():
        untrained = build(JOINED, experiment.recipe, "nowhere").get_layer(base).get_weights()
        kept = network.get_layer(base).get_weights()
        for ours, theirs in zip(kept, learned.get_layer(base).get_weights(), strict=True):
            assert np.array_equal(ours, theirs)
        assert any(not np.array_equal(ours, random) for ours, random in zip(kept, untrained, strict=True))
    found = history(experiment.place(JOINED))
    assert len(found["loss"]) == experiment.recipe.epochs
    assert found["loss"][-1] < found["loss"][0]


def test_what_has_learned_is_taken_as_it_is(experiment: Experiment) -> None:
    """Killed while it is measured, it would begin with its last epoch again instead of with its best."""
    candidate = Candidate("cnn-kept", "CNN", "scratch", ("cnn",))
    folder = experiment.place(candidate)
    network = train(experiment, candidate, Stopwatch(folder / "seconds"))
    before = (folder / "history.csv").read_text()
    weights = [values + 1 for values in network.get_weights()]
    network.set_weights(weights)
    network.save_weights(folder / LEARNED)
    again = train(experiment, candidate, Stopwatch(folder / "seconds"))
    assert all(np.array_equal(*pair) for pair in zip(again.get_weights(), weights, strict=True))
    assert (folder / "history.csv").read_text() == before
    assert not list(folder.glob("partial-*"))


def test_features_of_a_picture_are_of_the_same_turn_in_every_base(experiment: Experiment) -> None:
    candidate = Candidate("x", "X", "frozen", ("cnn",))
    first, watched = learned_and_watched(experiment, candidate)
    assert first.shape[:2] == (1 + experiment.recipe.views, len(experiment.data.training))
    assert watched.shape[0] == len(experiment.data.validation)
    for file in (experiment.folder / "features").glob("cnn-frozen-*"):
        file.unlink()
    assert np.array_equal(learned_and_watched(experiment, candidate)[0], first)
    joined, _ = learned_and_watched(experiment, Candidate("y", "Y", "frozen", ("cnn", "mobilenet")))
    assert np.array_equal(joined[..., : first.shape[-1]], first)
    assert not np.array_equal(first[0], first[1])
