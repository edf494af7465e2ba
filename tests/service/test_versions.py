import gc
import os
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_store.errors import RefusedVersion, StoreError
from model_store.store import Store
from service import trials
from service.settings import Settings
from service.trial_process import Key, TrialEnded
from service.trials import Trial
from service.versions import Versions
from tests.service.damage import flip_a_byte


@pytest.fixture
def versions(store: Path, state: Path) -> Versions:
    return Versions(Store(store), Settings(store=store, state=state))


def test_a_trial_is_not_repeated_until_the_store_changes(versions: Versions, store: Path) -> None:
    """Or everyone could make the service hash and load for each request."""
    weights = next(store.glob("classifier/2/variables/variables.data-*"))
    flip_a_byte(store / "classifier" / "2")
    times = (weights.stat().st_atime_ns, weights.stat().st_mtime_ns)
    assert versions.condition("classifier", 2).state == "refused"
    flip_a_byte(store / "classifier" / "2")  # back to what it was ...
    os.utime(weights, ns=times)  # ... and nobody can see it
    assert versions.condition("classifier", 2).state == "refused"
    weights.touch()
    assert versions.condition("classifier", 2).state == "available"


def test_another_versions_files_do_not_make_it_be_tried_again(versions: Versions, store: Path) -> None:
    """Or a version that is copied slowly would make every refused one be loaded twice a second."""
    flip_a_byte(store / "classifier" / "2")
    assert versions.condition("classifier", 2).state == "refused"
    known = versions._trials.known(("classifier", 2))
    next(store.glob("classifier/1/variables/variables.data-*")).touch()
    versions.condition("classifier", 2)
    assert versions._trials.known(("classifier", 2)) is known


def test_a_grader_is_tried_again_when_its_classifier_is_repaired(
    versions: Versions, store: Path, pristine_store: Path
) -> None:
    flip_a_byte(store / "classifier" / "1")
    assert versions.condition("grader", 1).state == "refused"
    shutil.rmtree(store / "classifier" / "1")
    shutil.copytree(pristine_store / "classifier" / "1", store / "classifier" / "1")
    assert versions.condition("grader", 1).state == "available"


def test_what_nobody_needs_is_forgotten_and_its_memory_comes_back(versions: Versions) -> None:
    grader = versions.get("grader", 1)
    second = versions.get("classifier", 2)
    runtime = weakref.ref(second.runtime)
    assert versions.unload([grader], idle_seconds=3600) == []
    assert versions.unload([grader], idle_seconds=0) == [("classifier", 2)]
    del second
    gc.collect()
    assert runtime() is None
    assert versions.in_memory(("classifier", 2)) is None
    assert versions.in_memory(("classifier", 1)) is grader.classifier  # pinned by what is kept
    assert versions.condition("classifier", 2).state == "available"


def test_the_states_of_what_was_looked_at(versions: Versions, store: Path) -> None:
    flip_a_byte(store / "classifier" / "2")
    with pytest.raises(RefusedVersion):
        versions.get("classifier", 2)
    versions.condition("grader", 1)
    states = [("classifier", 1, "available"), ("classifier", 2, "refused"), ("grader", 1, "available")]
    assert versions.states() == states
    assert versions.loaded() == [], "what was only tried, and what it pins, is not kept"
    versions.get("grader", 1)
    assert [served.key for served in versions.loaded()] == [("classifier", 1), ("grader", 1)]


def test_a_trial_brings_nothing_of_the_version_into_this_process(versions: Versions) -> None:
    keys = [("classifier", 1), ("classifier", 2), ("grader", 1)]
    assert {condition.state for condition in versions.conditions(keys).values()} == {"available"}
    assert versions.loaded() == []


def test_what_crashed_is_tried_apart_once_more_before_it_is_loaded(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the crash would be this process's."""
    key = ("classifier", 2)
    depends = versions._trials.fingerprint((key,))
    versions._trials.record(key, Trial((key,), depends, error=TrialEnded("The process that tried it ended.")))
    with pytest.raises(RefusedVersion, match="ended"):
        versions.get(*key)
    monkeypatch.setattr(trials, "ENDED_STANDS_SECONDS", 0.0)
    tried: list[list[Key]] = []
    again = versions._trial_process.tried

    def noted(keys: list[Key]) -> Iterator[tuple[Key, StoreError | None]]:
        tried.append(keys)
        return again(keys)

    monkeypatch.setattr(versions._trial_process, "tried", noted)
    assert versions.get(*key).key == key
    assert tried == [[key]]
