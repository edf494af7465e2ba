import shutil
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from model_store.errors import UnknownVersion
from model_store.store import Store
from service.newcomers import Newcomers
from service.trial_process import Key
from service.trials import Trials
from tests.tiny_models import add_classifier

THERE = [("classifier", 1), ("classifier", 2), ("grader", 1)]


class Tries:
    """Notes what it is asked to try."""

    def __init__(self, store: Store) -> None:
        self.tried: list[list[Key]] = []
        self.sound: set[Key] = set()
        self.known = Trials(store)
        self.due: set[Key] = set()
        self.there: set[Key] = set()
        self.go_on = threading.Event()
        self.go_on.set()

    def conditions(self, keys: Sequence[Key], *, again: bool, seconds: None) -> None:
        assert again
        assert seconds is None
        self.go_on.wait(120)
        self.tried.append(list(keys))
        if ("classifier", 9) in keys:
            raise UnknownVersion("It is gone.")

    def states(self) -> list[tuple[str, int, str]]:
        tried = {key for keys in self.tried for key in keys}
        return [(*key, "available" if key in self.sound else "refused") for key in tried]

    def fingerprint(self, key: Key) -> int:
        return self.known.fingerprint((key,))

    def may_be_tried_again(self, key: Key) -> bool:
        return key in self.due

    def forget_all_but(self, there: Collection[Key]) -> None:
        self.there = set(there)

    def wait(self, looks: int) -> list[list[Key]]:
        """What was tried, after so many looks that found something."""
        deadline = time.monotonic() + 60
        while len(self.tried) < looks:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return self.tried


@pytest.fixture
def tries(store: Path) -> Tries:
    return Tries(Store(store))


def look(newcomers: Newcomers) -> None:
    """Looks once nothing is being tried."""
    if newcomers._trials is not None:
        newcomers._trials.join(120)
    newcomers.look()


def test_what_came_is_tried_once(store: Path, tries: Tries) -> None:
    newcomers = Newcomers(Store(store), tries)
    newcomers.look()
    assert tries.wait(1) == [THERE]
    add_classifier(Store(store), seed=4)
    look(newcomers)
    assert tries.wait(2) == [THERE, [("classifier", 3)]]
    look(newcomers)
    shutil.rmtree(store / "classifier" / "3")
    look(newcomers)
    add_classifier(Store(store), seed=5)
    look(newcomers)
    assert tries.wait(3) == [THERE, [("classifier", 3)], [("classifier", 3)]], "another one of the same number"


def test_what_was_refused_is_tried_again_when_it_changed_and_what_may_answer_is_not(store: Path, tries: Tries) -> None:
    """It may have been copied half at the first look."""
    newcomers = Newcomers(Store(store), tries)
    tries.sound = {("classifier", 1), ("grader", 1)}
    look(newcomers)
    tries.wait(1)
    for _ in range(3):
        look(newcomers)
    assert tries.tried == [THERE]
    (store / "classifier" / "1" / "more").touch()
    (store / "classifier" / "2" / "more").touch()
    look(newcomers)
    assert tries.wait(2) == [THERE, [("classifier", 2)]]
    look(newcomers)
    assert tries.tried == [THERE, [("classifier", 2)]]


def test_what_was_refused_for_now_is_tried_again_though_nothing_changed(store: Path, tries: Tries) -> None:
    newcomers = Newcomers(Store(store), tries)
    tries.sound = {("classifier", 1), ("grader", 1)}
    look(newcomers)
    tries.wait(1)
    tries.due = {("classifier", 2)}
    look(newcomers)
    assert tries.wait(2) == [THERE, [("classifier", 2)]]


def test_what_is_gone_is_forgotten_but_not_with_a_store_that_is_away(store: Path, tries: Tries, tmp_path: Path) -> None:
    newcomers = Newcomers(Store(store), tries)
    look(newcomers)
    shutil.rmtree(store / "classifier" / "2")
    look(newcomers)
    assert tries.there == {("classifier", 1), ("grader", 1)}
    store.rename(tmp_path / "away")
    look(newcomers)
    assert tries.there == {("classifier", 1), ("grader", 1)}


def test_a_model_that_cannot_be_looked_into_leaves_the_others(
    store: Path, tries: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = Store.versions

    def listed(self: Store, name: str) -> list[int]:
        if name == "grader":
            raise PermissionError
        return versions(self, name)

    monkeypatch.setattr(Store, "versions", listed)
    assert Newcomers(Store(store), tries).there() == {("classifier", 1), ("classifier", 2)}


def test_what_is_left_alone_is_tried_when_it_no_longer_is(store: Path, tries: Tries) -> None:
    newcomers = Newcomers(Store(store), tries)
    newcomers.leave_alone(newcomers.there())
    newcomers.look()
    add_classifier(Store(store), seed=4)
    look(newcomers)
    assert tries.wait(1) == [[("classifier", 3)]]
    newcomers.leave_alone(())
    look(newcomers)
    assert tries.wait(2)[1] == THERE


def test_looking_waits_for_no_trial(store: Path, tries: Tries) -> None:
    tries.go_on.clear()
    newcomers = Newcomers(Store(store), tries)
    newcomers.look()
    add_classifier(Store(store), seed=4)
    newcomers.look()
    assert tries.tried == []
    tries.go_on.set()
    tries.wait(1)
    look(newcomers)
    assert tries.wait(2) == [THERE, [("classifier", 3)]]


def test_one_that_was_taken_away_meanwhile_ends_nothing(
    store: Path, tries: Tries, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(store / "classifier" / "1", store / "classifier" / "9")
    newcomers = Newcomers(Store(store), tries)
    newcomers.look()
    tries.wait(1)
    add_classifier(Store(store), seed=4)
    look(newcomers)
    assert tries.wait(2)[1] == [("classifier", 10)]
    assert "trials_failed" not in caplog.text


def test_a_store_that_cannot_be_looked_into_ends_nothing(
    store: Path, tries: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(_: Store) -> list[str]:
        raise OSError("Stale file handle")

    monkeypatch.setattr(Store, "names", names)
    newcomers = Newcomers(Store(store), tries)
    newcomers.look()
    assert newcomers.there() == set()
    monkeypatch.undo()
    newcomers.look()
    assert tries.wait(1) == [THERE]
