import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from model_store.errors import RefusedVersion, UnknownLabel, UnknownModel, UnknownVersion, UnreadableLabels
from model_store.labels import Labels
from model_store.manifest import Pinned
from model_store.store import Store, StoredVersion
from service import engine as module
from service import loading
from service import versions as versions_module
from service.engine import Engine, Selection
from service.following import Answering
from service.settings import Settings
from service.trial_process import Key
from service.unfinished import MARK
from service.versions import Served, Untried
from tests.service.damage import DAMAGE, flip_a_byte
from tests.tiny_models import add_classifier, add_grader

STABLE = Selection()
SECOND = Selection(version=2)
SECOND_KEY: Key = ("classifier", 2)


def make(store: Path, state: Path) -> Engine:
    return Engine(Settings(store=store, state=state))


def found(engine: Engine, request_id: str = "") -> int:
    """The number of what answers for who names nothing."""
    served = engine.find("classifier", STABLE, request_id)
    assert served is not None
    return served.stored.version


@pytest.fixture
def engine(store: Path, state: Path) -> Engine:
    return make(store, state)


def test_nothing_is_in_memory_until_it_is_asked_for(engine: Engine) -> None:
    assert engine.find("classifier", STABLE) is None
    assert engine.answering("classifier", "stable") is None
    served = engine.get("classifier", STABLE)
    assert engine.find("classifier", STABLE) is served
    assert engine.find("classifier", Selection(version=1)) is served
    assert engine.find("classifier", SECOND) is None
    assert (served.stored.name, served.stored.version, served.classifier) == ("classifier", 1, None)


def test_start_loads_what_stable_names(engine: Engine) -> None:
    assert not engine.started
    engine.start()
    assert engine.started
    assert engine.find("classifier", STABLE) is not None
    grader = engine.find("grader", STABLE)
    assert grader is not None
    assert grader.classifier is engine.find("classifier", STABLE)


def test_many_threads_that_ask_at_once_get_the_same_version_loaded_once(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        served = list(pool.map(lambda _: engine.get("classifier", SECOND), range(8)))
    assert len({id(one) for one in served}) == 1


@pytest.mark.parametrize(
    ("name", "selection", "error"),
    [
        ("nothing", Selection(version=1), UnknownModel),
        ("..", Selection(version=1), UnknownModel),
        ("classifier", Selection(version=99), UnknownVersion),
        ("classifier", Selection(label="canary"), UnknownLabel),
        ("nothing", STABLE, UnknownLabel),
    ],
)
def test_what_is_not_there(engine: Engine, name: str, selection: Selection, error: type[Exception]) -> None:
    with pytest.raises(error):
        engine.get(name, selection)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_version_is_refused_with_a_reason(engine: Engine, store: Path, damage: str) -> None:
    do, reason = DAMAGE[damage]
    do(store / "classifier" / "2")
    for _ in range(2):
        with pytest.raises(RefusedVersion, match=reason):
            engine.get("classifier", SECOND)
    condition = engine.versions.condition("classifier", 2)
    assert condition.state == "refused"
    assert condition.served is None
    assert engine.find("classifier", SECOND) is None


@pytest.mark.parametrize("damage", ["flipped byte", "no manifest"])
def test_a_damaged_version_is_refused_until_it_is_repaired(
    engine: Engine, store: Path, pristine_store: Path, damage: str
) -> None:
    DAMAGE[damage][0](store / "classifier" / "2")
    with pytest.raises(RefusedVersion):
        engine.get("classifier", SECOND)
    assert engine.get("classifier", STABLE).stored.version == 1
    shutil.rmtree(store / "classifier" / "2")
    shutil.copytree(pristine_store / "classifier" / "2", store / "classifier" / "2")
    assert engine.versions.condition("classifier", 2).state == "available"
    assert engine.get("classifier", SECOND).stored.version == 2


def test_a_version_in_memory_outlives_its_files(engine: Engine, store: Path) -> None:
    served = engine.get("classifier", STABLE)
    flip_a_byte(store / "classifier" / "1")
    assert engine.get("classifier", STABLE) is served
    assert engine.versions.condition("classifier", 1).state == "serving"


def test_while_a_version_is_loaded_that_is_why_nothing_answers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    load, heard = engine.versions.get, []

    def get(name: str, version: int, digest: str | None = None, *, untried: Untried = "load") -> Served:
        heard.append(engine.reason(name, "stable"))
        return load(name, version, digest, untried=untried)

    monkeypatch.setattr(engine.versions, "get", get)
    engine.refresh()
    assert "Version 1 of classifier is being loaded." in heard
    assert engine.reason("classifier", "nobody") == "No version of classifier is labelled 'nobody'."


def test_it_watches(engine: Engine, store: Path, state: Path) -> None:
    engine.start()
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(engine.watch, stop)
        Labels(Store(store), state).move("classifier", "stable", 2)
        third = add_classifier(Store(store), seed=3)
        deadline = time.monotonic() + 120
        while found(engine) != 2 or ("classifier", third.version, "available") not in engine.versions.states():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stop.set()


def test_a_pulse_that_does_not_come_out_right_is_trouble(engine: Engine) -> None:
    engine.start()
    engine.pulse()
    assert engine.trouble is None
    answering = engine.answering("classifier", "stable")
    assert answering is not None
    spoiled = replace(answering.served, sample=255 - answering.served.sample)
    engine._following._answering["classifier", "stable"] = Answering(spoiled)
    engine.pulse()
    assert "is off by" in str(engine.trouble)
    engine._following._answering["classifier", "stable"] = answering
    engine.pulse()
    assert engine.trouble is None


@pytest.mark.parametrize("wrong", ["classifier", "grader"])
def test_what_does_not_give_its_recorded_answer_any_more_answers_nobody(engine: Engine, wrong: str) -> None:
    """Nor does a grader whose classifier it is, until a pulse comes out right."""
    engine.start()
    label = Selection()
    grader = engine.get("grader", label)
    assert grader.classifier is not None
    faulty = grader.classifier if wrong == "classifier" else grader
    right = faulty.sample.copy()
    faulty.sample[:] = 255 - right
    engine.pulse()
    with pytest.raises(RefusedVersion, match="is off by"):
        engine.find("grader", label)
    for selection in (label, Selection(version=faulty.stored.version)):
        with pytest.raises(RefusedVersion, match="is off by"):
            engine.find(wrong, selection)
        with pytest.raises(RefusedVersion, match="is off by"):
            engine.get(wrong, selection)
    if wrong == "grader":
        assert engine.find("classifier", label) is not None
    faulty.sample[:] = right
    engine.pulse()
    assert engine.find("grader", label) is grader


def test_without_a_pulse_for_long_there_is_trouble(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.start()
    engine.pulse()
    now = time.monotonic()
    monkeypatch.setattr("service.engine.time.monotonic", lambda: now + 31)
    assert "No prediction" in str(engine.trouble)


def test_damaged_labels_are_an_error_and_not_the_shipped_ones(engine: Engine, state: Path) -> None:
    engine.get("classifier", STABLE)
    state.mkdir()
    (state / "labels.json").write_text("{", "utf-8")
    with pytest.raises(UnreadableLabels):
        engine.refresh()
    with pytest.raises(UnreadableLabels):
        engine.find("classifier", STABLE)
    assert engine.find("classifier", Selection(version=1)) is not None
    assert engine.trouble is not None
    assert engine.needed() == ["classifier", "grader"]


def test_a_number_that_was_published_again_is_served_once_a_label_names_its_new_digest(
    engine: Engine, store: Path, state: Path
) -> None:
    opened = Store(store)
    before = engine.get("classifier", SECOND)
    shutil.rmtree(store / "classifier" / "2")
    again = add_classifier(opened, seed=9)
    assert (again.version, engine.get("classifier", SECOND)) == (2, before)
    Labels(opened, state).move("classifier", "stable", 2)
    engine.refresh()
    after = engine.get("classifier", STABLE)
    assert after.stored.digest == again.digest != before.stored.digest
    assert engine.get("classifier", SECOND) is after


def test_labels_that_may_not_be_read_are_an_error(engine: Engine, state: Path) -> None:
    (state / "labels.json").mkdir(parents=True)  # root may read every file, but not a directory as one
    with pytest.raises(UnreadableLabels, match="Is a directory"):
        engine.get("classifier", STABLE)
    engine.start()
    assert engine.started


def test_a_grader_is_never_served_without_exactly_the_classifier_that_it_pins(engine: Engine, store: Path) -> None:
    flip_a_byte(store / "classifier" / "1")
    with pytest.raises(RefusedVersion, match=r"The classifier that it pins cannot be served: .* was changed"):
        engine.get("grader", STABLE)
    assert engine.versions.condition("grader", 1).state == "refused"


def test_a_grader_keeps_its_classifier_when_stable_moves_on(engine: Engine, store: Path, state: Path) -> None:
    Labels(Store(store), state).move("classifier", "stable", 2)
    engine.start()
    classifier, grader = engine.find("classifier", STABLE), engine.find("grader", STABLE)
    assert classifier is not None
    assert grader is not None
    assert grader.classifier is not None
    assert (classifier.stored.version, grader.classifier.stored.version) == (2, 1)


def test_a_version_published_while_it_runs_is_served_and_pins_are_followed(engine: Engine, store: Path) -> None:
    engine.start()
    opened = Store(store)
    third = add_classifier(opened, seed=3)
    add_grader(opened, third, seed=3)
    grader = engine.get("grader", SECOND)
    assert grader.classifier is not None
    assert grader.classifier.stored.digest == third.digest
    assert grader.stored.manifest.classifier == Pinned(name="classifier", version=3, digest=third.digest)


def test_a_store_without_a_grader_needs_none(store: Path, state: Path) -> None:
    shutil.rmtree(store / "grader")
    labels = store / "labels.json"
    labels.unlink()
    Labels(Store(store), store).move("classifier", "stable", 1)
    engine = make(store, state)
    engine.start()
    assert engine.needed() == ["classifier"]


def test_what_cannot_be_served_does_not_stop_the_start(store: Path, state: Path) -> None:
    flip_a_byte(store / "classifier" / "1")
    engine = make(store, state)
    engine.start()
    assert engine.started
    assert engine.find("classifier", STABLE) is None


def test_after_an_unfinished_start_nothing_untried_is_loaded_by_anybody(
    engine: Engine, store: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended it may be what a label names, and it may come to no end apart, too."""
    Labels(Store(store), state).move("classifier", "canary", 2, share=1.0)
    (state / MARK).write_text("left")
    goes_on, tried, loaded = threading.Event(), list[Key](), list[Key]()
    try_, load = engine.versions._needed_apart.run, loading.load_and_try

    def run(keys: list[Key]) -> object:
        tried.extend(keys)
        return goes_on.wait(240) if SECOND_KEY in keys else try_(keys)

    def noted(stored: StoredVersion, settings: Settings) -> object:
        loaded.append((stored.name, stored.version))
        return load(stored, settings)

    monkeypatch.setattr(engine.versions._needed_apart, "run", run)
    monkeypatch.setattr(versions_module, "load_and_try", noted)
    with ThreadPoolExecutor(2) as pool:
        started = pool.submit(engine.start)
        until(lambda: engine._untried == "leave")
        asked = pool.submit(lambda: engine.get("classifier", STABLE))
        started.result(120)
        assert asked.result(120).key == ("classifier", 1)
        engine.refresh()
        until(lambda: len(tried) == 3)
        assert tried[-1] == SECOND_KEY
        engine._follow()
        assert SECOND_KEY not in loaded
        assert (state / MARK).exists(), "not all that the labels name answers"
        Labels(Store(store), state).move("classifier", "canary", 1)
        until(lambda: not (state / MARK).exists(), engine._follow)
        goes_on.set()


def until(condition: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        step()
        time.sleep(0.02)


def test_what_goes_wrong_with_one_thing_does_not_end_the_watching(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine.start()
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "PULSE_SECONDS", 0.0)

    def refuse(*_: object) -> None:
        raise PermissionError

    pulsed, stop = threading.Event(), threading.Event()
    monkeypatch.setattr(engine, "refresh", refuse)
    monkeypatch.setattr(engine, "pulse", pulsed.set)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(engine.watch, stop)
        try:
            until(lambda: pulsed.is_set() and caplog.text.count("watch_failed") > 1)
        finally:
            stop.set()
