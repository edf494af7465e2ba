from pathlib import Path

import pytest

from model_store.errors import RefusedVersion
from model_store.store import Store
from service import trials as module
from service.trial_process import TrialEnded
from service.trials import Trial, Trials

KEY = ("classifier", 1)


@pytest.fixture
def trials(store: Path) -> Trials:
    return Trials(Store(store))


def test_an_outcome_stands_until_a_file_changes_that_it_depends_on(trials: Trials, store: Path) -> None:
    assert trials.known(KEY) is None
    depends = (("grader", 1), KEY)
    trial = Trial(depends, trials.fingerprint(depends), error=RefusedVersion("No."))
    trials.record(("grader", 1), trial)
    (store / "classifier" / "2" / "manifest.json").touch()
    assert trials.known(("grader", 1)) is trial
    (store / "classifier" / "1" / "manifest.json").touch()
    assert trials.known(("grader", 1)) is None
    assert trials.all() == {("grader", 1): trial}


def test_one_that_came_to_no_end_does_not_stand_for_ever(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may have had no memory left just then."""
    trial = Trial((KEY,), trials.fingerprint((KEY,)), error=TrialEnded("It crashed."))
    trials.record(KEY, trial)
    assert trials.known(KEY) is trial
    assert trials.ended(KEY)
    monkeypatch.setattr(module, "ENDED_STANDS_SECONDS", 0.0)
    assert trials.known(KEY) is None
    assert trials.ended(KEY), "what loads it should know"
    trials.record(KEY, Trial((KEY,), trials.fingerprint((KEY,)), error=RefusedVersion("No.")))
    assert trials.known(KEY) is not None
    assert not trials.ended(KEY)
