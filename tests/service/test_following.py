"""How labels are followed, `canary` among them; test_engine.py has the versions behind them."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model_store.errors import RefusedVersion
from model_store.labels import Labels
from model_store.store import Store
from service.engine import Engine, Selection
from tests.service.damage import change_the_manifest, flip_a_byte
from tests.service.test_engine import SECOND, STABLE, found, make
from tests.tiny_models import add_classifier


def looked_until(engine: Engine, condition: Callable[[], bool]) -> None:
    """Looks again and again, as the engine does by itself."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
        engine.refresh()


def trouble(engine: Engine) -> str:
    """Why what `stable` names does not answer."""
    answering = engine.answering("classifier", "stable")
    assert answering is not None
    return str(answering.trouble)


@pytest.fixture
def engine(store: Path, state: Path) -> Engine:
    return make(store, state)


def test_a_label_names_a_digest_and_not_only_a_number(engine: Engine, store: Path) -> None:
    change_the_manifest(store / "classifier" / "1")
    with pytest.raises(RefusedVersion, match="has the digest"):
        engine.get("classifier", STABLE)
    assert "has the digest" in engine.reason("classifier", "stable")


def test_a_label_for_another_digest_does_not_spoil_the_version(engine: Engine, store: Path, state: Path) -> None:
    """Somebody labelled it, then published the number again; it is sound, but not what was labelled."""
    Labels(Store(store), state).move("classifier", "stable", 2)
    (state / "labels.json").write_text(
        (state / "labels.json").read_text("utf-8").replace(Store(store).open("classifier", 2).digest, "0" * 64), "utf-8"
    )
    with pytest.raises(RefusedVersion, match="000000000000 was asked for"):
        engine.get("classifier", STABLE)
    assert engine.get("classifier", SECOND).stored.version == 2
    assert engine.versions.condition("classifier", 2).state == "serving"


def test_a_label_that_is_moved_is_followed_and_back(engine: Engine, store: Path, state: Path) -> None:
    assert engine.get("classifier", STABLE).stored.version == 1
    labels = Labels(Store(store), state)
    labels.move("classifier", "stable", 2)
    assert found(engine) == 1  # nobody has looked yet, and nobody waits for it
    engine.refresh()
    assert found(engine) == 2
    labels.move_back("classifier", "stable")
    engine.refresh()
    assert found(engine) == 1


def test_a_version_that_fails_leaves_the_one_before_answering(engine: Engine, store: Path, state: Path) -> None:
    engine.start()
    Labels(Store(store), state).move("classifier", "stable", 2)
    flip_a_byte(store / "classifier" / "2")
    looked_until(engine, lambda: "was changed" in trouble(engine))
    assert found(engine) == 1
    flip_a_byte(store / "classifier" / "2")  # back to what it was
    looked_until(engine, lambda: found(engine) == 2)
    assert trouble(engine) == "None"


def test_a_label_that_is_gone_answers_no_more(engine: Engine, store: Path, state: Path) -> None:
    Labels(Store(store), state).move("classifier", "canary", 2)
    engine.start()
    assert engine.find("classifier", Selection(label="canary")) is not None
    (state / "labels.json").unlink()
    engine.refresh()
    assert engine.find("classifier", Selection(label="canary")) is None


def test_a_model_that_comes_later_answers_for_the_label_that_names_it(
    engine: Engine, store: Path, tmp_path: Path
) -> None:
    away = (store / "grader").rename(tmp_path / "away")
    engine.start()
    assert engine.answering("grader", "stable") is None
    away.rename(store / "grader")
    looked_until(engine, lambda: engine.answering("grader", "stable") is not None)


def test_no_label_is_lost_with_a_folder_that_is_gone_for_a_moment(engine: Engine, store: Path, tmp_path: Path) -> None:
    engine.start()
    away = (store / "classifier").rename(tmp_path / "away")
    engine.labels.move("grader", "beta", 1)
    engine.refresh()
    assert found(engine) == 1
    away.rename(store / "classifier")
    engine.refresh()
    assert found(engine) == 1
    Labels(Store(store), store).move("classifier", "stable", 2)
    looked_until(engine, lambda: found(engine) == 2)


def test_labels_count_that_come_before_their_models(engine: Engine, store: Path, tmp_path: Path) -> None:
    engine.start()
    away = store.rename(tmp_path / "away")
    engine.refresh()
    store.mkdir()
    labels = (away / "labels.json").rename(store / "labels.json")
    Labels(Store(away), store).move("classifier", "stable", 2)
    engine.refresh()
    assert found(engine) == 1
    assert labels.exists()
    for name in ("grader", "classifier"):
        (away / name).rename(store / name)
        engine.refresh()
    looked_until(engine, lambda: found(engine) == 2)


def test_a_store_that_is_away_leaves_what_answers(engine: Engine, store: Path, tmp_path: Path) -> None:
    engine.start()
    away = store.rename(tmp_path / "away")
    for _ in range(2):
        engine.refresh()
        assert found(engine) == 1
        assert engine.answering("grader", "stable") is not None
        store.mkdir(exist_ok=True)  # where it is to be mounted
    store.rmdir()
    away.rename(store)
    Labels(Store(store), store).move("classifier", "stable", 2)
    looked_until(engine, lambda: found(engine) == 2)


def test_a_label_waits_for_no_trial(engine: Engine, store: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come to no end, and requests, other labels and the pulse must go on."""
    engine.start()
    goes_on = threading.Event()
    monkeypatch.setattr(engine.versions._needed_apart, "run", lambda _: goes_on.wait(120))
    Labels(Store(store), state).move("classifier", "stable", 2)
    begun = time.monotonic()
    for _ in range(3):
        engine.refresh()
        assert found(engine) == 1
        assert trouble(engine) == "Version 2 of classifier is being tried."
    assert time.monotonic() - begun < 30
    monkeypatch.undo()
    goes_on.set()
    looked_until(engine, lambda: found(engine) == 2)


def test_canary_answers_for_its_share_of_who_names_no_version(engine: Engine, store: Path, state: Path) -> None:
    Labels(Store(store), state).move("classifier", "canary", 2, share=0.25)
    engine.start()
    drawn = [found(engine, f"request-{number}") for number in range(4000)]
    assert 800 < drawn.count(2) < 1200
    assert drawn == [found(engine, f"request-{number}") for number in range(4000)]
    named = Selection(label="stable")
    assert {engine.find("classifier", named, f"{n}").key[1] for n in range(50)} == {1}  # type: ignore[union-attr]


def test_a_canary_without_a_share_or_that_is_refused_draws_nobody(engine: Engine, store: Path, state: Path) -> None:
    labels = Labels(Store(store), state)
    labels.move("classifier", "canary", 2)
    engine.start()
    assert {found(engine, f"{number}") for number in range(200)} == {1}
    third = add_classifier(Store(store), seed=3)
    Labels(Store(store), state).move("grader", "canary", 1, share=1.0)
    labels.move("classifier", "canary", third.version, share=1.0)
    flip_a_byte(third.path)
    other = make(store, state)
    other.start()
    assert {found(other, f"{number}") for number in range(200)} == {1}


def test_moving_loads_before_it_moves(engine: Engine, store: Path) -> None:
    engine.start()
    flip_a_byte(store / "classifier" / "2")
    with pytest.raises(RefusedVersion):
        engine.move("classifier", "stable", 2, None)
    assert engine.labels.get("classifier", "stable").version == found(engine) == 1
    third = add_classifier(Store(store), seed=3)
    assert engine.move("classifier", "stable", third.version, None).version == found(engine) == 3
