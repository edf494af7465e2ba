import time
from pathlib import Path

import pytest

from model_store.errors import RefusedForNow, RefusedVersion, StoreError
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


@pytest.mark.parametrize("refused", [TrialEnded("It crashed."), RefusedForNow("Too many open files.")])
def test_what_may_pass_does_not_stand_for_ever(
    trials: Trials, monkeypatch: pytest.MonkeyPatch, refused: StoreError
) -> None:
    """The machine may have had no memory left just then."""
    trial = Trial((KEY,), trials.fingerprint((KEY,)), error=refused)
    trials.record(KEY, trial)
    assert trials.known(KEY) is trial
    monkeypatch.setattr(module, "PASSING_STANDS_SECONDS", 0.0)
    assert trials.known(KEY) is None
    trials.record(KEY, Trial((KEY,), trials.fingerprint((KEY,)), error=RefusedVersion("No.")))
    assert trials.known(KEY) is not None


def test_what_may_pass_is_known_as_the_last_outcome_until_it_is_tried_again(
    trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial((KEY,), trials.fingerprint((KEY,)), error=RefusedForNow("Too many open files."))
    trials.record(KEY, trial)
    assert not trials.is_due(KEY)
    monkeypatch.setattr(module, "PASSING_STANDS_SECONDS", 0.0)
    assert trials.last(KEY) is trial
    assert trials.is_due(KEY)
    trials.record(KEY, Trial((KEY,), trials.fingerprint((KEY,)), error=TrialEnded("It took too long.")))
    assert not trials.is_due(KEY)
    monkeypatch.setattr(module, "ENDED_STANDS_SECONDS", 0.0)
    assert trials.is_due(KEY)
    trials.record(KEY, Trial((KEY,), trials.fingerprint((KEY,)), error=RefusedVersion("No.")))
    assert not trials.is_due(KEY)


def test_of_what_is_gone_nothing_is_known(trials: Trials) -> None:
    trial = Trial((KEY,), trials.fingerprint((KEY,)))
    trials.record(KEY, trial)
    trials.record(("classifier", 2), trial)
    trials.forget_all_but({KEY, ("grader", 1)})
    assert trials.all() == {KEY: trial}


def test_who_may_read_a_file_is_looked_at_too(trials: Trials, store: Path) -> None:
    """Nothing else of it changes, and a version that could not be read would be refused for ever."""
    before, manifest = trials.fingerprint((KEY,)), store / "classifier" / "1" / "manifest.json"
    time.sleep(0.02)  # the clock of a file system may go by the hundredth of a second
    manifest.chmod(0o640)
    assert trials.fingerprint((KEY,)) != before


def test_what_it_depends_on_is_known_from_the_last_trial(trials: Trials, store: Path) -> None:
    grader = ("grader", 1)
    before = trials.current(grader)
    assert before == trials.fingerprint((grader,))
    trials.record(grader, trials.begun(grader)[1])
    assert trials.current(grader) == trials.fingerprint((grader, KEY)) != before
