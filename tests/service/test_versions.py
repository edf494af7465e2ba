import errno
import gc
import os
import shutil
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from model_store import store as store_module
from model_store.errors import RefusedForNow, RefusedVersion, RuntimeUnavailable, StoreError, UnknownVersion
from model_store.manifest import FileRecord
from model_store.store import Store
from service import trials
from service import versions as module
from service.problems import NotReady
from service.settings import Settings
from service.trial_process import Key, TrialEnded
from service.versions import Condition, Versions
from tests.service.damage import flip_a_byte

SECOND: Key = ("classifier", 2)


@pytest.fixture
def versions(store: Path, state: Path) -> Versions:
    return Versions(Store(store), Settings(store=store, state=state))


def test_a_trial_is_not_repeated_until_the_store_changes(versions: Versions, store: Path) -> None:
    """Or everyone could make the service hash and load for each request."""
    flip_a_byte(store / "classifier" / "2")
    assert versions.condition("classifier", 2).state == "refused"
    first = versions._trials.known(SECOND)
    assert versions.condition("classifier", 2).state == "refused"
    assert versions._trials.known(SECOND) is first
    flip_a_byte(store / "classifier" / "2")  # back to what it was
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


def crashed(versions: Versions, key: Key) -> None:
    """So its last trial went."""
    error = TrialEnded("The process that tried it ended.")
    versions._trials.record(key, replace(versions._trials.alone(key), error=error))


def test_what_crashed_is_tried_apart_once_more_before_it_is_loaded(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the crash would be this process's."""
    crashed(versions, SECOND)
    with pytest.raises(RefusedVersion, match="ended"):
        versions.get(*SECOND, untried="wait")
    monkeypatch.setattr(trials, "PASSING_STANDS_SECONDS", 0.0)
    tried: list[list[Key]] = []
    again = versions._needed_apart._process.tried

    def noted(keys: list[Key]) -> Iterator[tuple[Key, RefusedVersion | RuntimeUnavailable | None]]:
        tried.append(keys)
        return again(keys)

    monkeypatch.setattr(versions._needed_apart._process, "tried", noted)
    assert versions.get(*SECOND, untried="wait").key == SECOND
    assert tried == [[SECOND]]


class Trying:
    """A trial that ends when it is told to, with a crash."""

    def __init__(self, versions: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.ends, self.count = threading.Event(), threading.Event(), 0
        monkeypatch.setattr(versions._needed_apart._process, "tried", self)
        monkeypatch.setattr(module, "load_and_try", self.load)

    def __call__(self, keys: list[Key]) -> Iterator[tuple[Key, StoreError]]:
        self.count += 1
        self.begun.set()
        assert self.ends.wait(240)
        return iter([(key, TrialEnded("It crashed.")) for key in keys])

    def load(self, *_: object) -> None:
        """Whoever loads it here is gone."""
        raise AssertionError("it was loaded")


@pytest.fixture
def trying(versions: Versions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trying]:
    trying = Trying(versions, monkeypatch)
    yield trying
    trying.ends.set()


def test_who_needs_a_version_that_is_being_tried_waits_for_the_outcome(versions: Versions, trying: Trying) -> None:
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(lambda: versions.get(*SECOND, untried="wait")) for _ in range(3)]
        assert trying.begun.wait(60)
        assert versions.condition(*SECOND).state == "loading"
        with pytest.raises(NotReady, match=r"Version 2 of classifier is being tried\."):
            versions.get(*SECOND, untried="leave")
        trying.ends.set()
        assert {str(one.exception(60)) for one in asked} == {"It crashed."}
    assert trying.count == 1


def test_who_comes_when_a_trial_has_just_ended_begins_no_second_one(versions: Versions, trying: Trying) -> None:
    trying.ends.set()
    with pytest.raises(RefusedVersion, match="crashed"):
        versions.get(*SECOND, untried="wait")
    # The look at what is known was before the end, and only the wait for the trial comes after it.
    versions._needed.wait(SECOND, 60)
    assert trying.count == 1


def test_a_trial_without_an_end_keeps_who_needs_it_for_a_while_and_nobody_else(
    versions: Versions, trying: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.2)
    for _ in range(3):
        with pytest.raises(NotReady):
            versions.get(*SECOND, untried="wait")
    monkeypatch.undo()
    assert versions.get("classifier", 1).key == ("classifier", 1)
    assert trying.count == 1


def test_who_looks_waits_for_a_while_and_the_trial_goes_on(
    versions: Versions, trying: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions._looking._process, "tried", trying)
    for _ in range(3):
        assert versions.conditions([SECOND], seconds=0.2) == {SECOND: Condition("loading")}
    with ThreadPoolExecutor(1) as pool:
        grader = pool.submit(lambda: versions.conditions([("grader", 1)], seconds=None))
        assert versions.conditions([("grader", 1)], seconds=0.2)["grader", 1].state == "loading"
        trying.ends.set()
        assert grader.result(60)["grader", 1] == Condition("refused", "It crashed.")
    assert versions.condition(*SECOND) == Condition("refused", "It crashed.")
    assert trying.count == 2


def test_what_a_trial_said_is_told_while_it_could_be_repeated(
    versions: Versions, trying: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that comes to no end takes two minutes each time, and whoever looks waits for nothing that is known."""
    trying.ends.set()
    with pytest.raises(RefusedVersion, match="crashed"):
        versions.get(*SECOND, untried="wait")
    monkeypatch.setattr(trials, "PASSING_STANDS_SECONDS", 0.0)
    monkeypatch.setattr(versions._looking._process, "tried", trying)
    assert versions.condition(*SECOND) == Condition("refused", "It crashed.")
    assert trying.count == 1
    assert versions.conditions([SECOND], again=True)[SECOND].state == "refused"
    assert trying.count == 2


def test_a_model_that_cannot_be_looked_into_is_refused_for_now(
    versions: Versions, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(*_: object) -> list[int]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Store, "versions", listed)
    with pytest.raises(RefusedForNow, match="Permission denied"):
        versions.get(*SECOND, untried="wait")


def test_while_it_is_tried_for_others_a_version_is_not_loaded_either(versions: Versions, trying: Trying) -> None:
    """The state that is told then is `loading`, and says nothing yet."""
    with versions._marked([SECOND]):
        trying.ends.set()
        with pytest.raises(RefusedVersion, match="crashed"):
            versions.get(*SECOND, untried="wait")


def test_when_nothing_is_tried_any_more_nothing_is_loaded_untried(versions: Versions) -> None:
    versions.close()
    assert versions.condition(*SECOND).state == "loading"
    with pytest.raises(NotReady):
        versions.get(*SECOND, untried="wait")
    assert versions.loaded() == []


def test_a_grader_does_not_bring_in_a_classifier_that_crashes(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    grader, pinned = ("grader", 1), ("classifier", 1)
    assert versions.condition(*grader).state == "available"
    crashed(versions, pinned)
    monkeypatch.setattr(module, "load_and_try", Trying.load)
    with pytest.raises(RefusedForNow, match=r"The classifier that it pins cannot be served: .* ended"):
        versions.get(*grader, untried="wait")
    monkeypatch.undo()
    monkeypatch.setattr(trials, "PASSING_STANDS_SECONDS", 0.0)
    assert versions.get(*grader, untried="wait").key == grader


def test_nothing_is_waited_for_that_is_not_there(versions: Versions, trying: Trying) -> None:
    with pytest.raises(UnknownVersion):
        versions.get("classifier", 99, untried="leave")
    assert not trying.begun.is_set()


@pytest.mark.parametrize("where", ["here", "apart"])
def test_what_cannot_be_read_just_now_is_not_refused_for_ever(
    versions: Versions, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Of too many open files nothing is left to see later."""

    def read(_: Path) -> FileRecord:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "variables.index")

    monkeypatch.setattr(store_module, "record", read)
    for _ in range(2):
        with pytest.raises(RefusedForNow, match=r"variables\.index cannot be read: Too many open files\."):
            versions.get(*SECOND, untried="load" if where == "here" else "wait")
    monkeypatch.undo()
    with pytest.raises(RefusedForNow):
        versions.get(*SECOND)  # nor read twice a second
    monkeypatch.setattr(trials, "PASSING_STANDS_SECONDS", 0.0)
    assert versions.get(*SECOND).key == SECOND


def test_a_version_that_nobody_may_read_serves_when_somebody_may(
    versions: Versions, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who runs the tests may read whatever there is, perhaps."""

    def read(_: Path) -> FileRecord:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "LICENSE")

    monkeypatch.setattr(store_module, "record", read)
    with pytest.raises(RefusedForNow, match="LICENSE cannot be read: Permission denied"):
        versions.get(*SECOND)
    monkeypatch.undo()
    time.sleep(0.02)  # the clock of a file system may go by the hundredth of a second
    (store / "classifier" / "2" / "manifest.json").chmod(0o640)
    assert versions.get(*SECOND).key == SECOND
