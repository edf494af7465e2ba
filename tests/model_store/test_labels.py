import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from model_store.errors import RefusedVersion, UnknownLabel, UnknownModel, UnknownVersion, UnreadableLabels
from model_store.labels import Label, Labels, open_pinned
from model_store.publish import publish
from model_store.store import Store, StoredVersion

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def labels(store: Store, state: Path) -> Labels:
    return Labels(store, state)


def add_version(store: Store, number: int) -> StoredVersion:
    first = store.open("classifier", 1)
    return publish(store, first.path, first.manifest.model_copy(update={"version": number, "files": {}}))


def test_shipped_labels_hold_until_one_is_moved(store: Store, labels: Labels) -> None:
    first, second = store.open("classifier", 1), add_version(store, 2)
    assert labels.get("classifier", "stable") == Label(name="classifier", version=1, digest=first.digest)
    labels.move("classifier", "canary", 2)
    assert {label: pinned.version for label, pinned in labels.all("classifier").items()} == {"canary": 2, "stable": 1}
    moved = labels.move("classifier", "stable", 2)
    assert moved == labels.get("classifier", "stable") == Label(name="classifier", version=2, digest=second.digest)
    assert labels.get("grader", "stable").version == 1
    assert Labels(store, store.root).get("classifier", "stable").version == 1  # what was shipped stays as shipped


def test_a_move_shows_in_other_instances_at_once(store: Store, state: Path, labels: Labels) -> None:
    other = Labels(store, state)
    assert set(other.all("classifier")) == {"stable"}
    labels.move("classifier", "canary", 1)
    assert set(other.all("classifier")) == {"canary", "stable"}


def test_moved_back_and_forth(store: Store, labels: Labels) -> None:
    add_version(store, 2)
    labels.move("classifier", "stable", 2)
    labels.move("classifier", "stable", 2)  # again: what came before is still version 1
    assert labels.move_back("classifier", "stable").version == 1
    assert labels.resolve("classifier", "stable").version == 1
    assert labels.move_back("classifier", "stable").version == 2


def test_a_move_is_on_the_disk_when_it_returns(
    store: Store, state: Path, labels: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that took another's place is on the disk when its folder is."""
    kept, fsync = list[str](), os.fsync

    def noted(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), state.stat()):
            kept.append((state / "labels.json").read_text("utf-8"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    labels.move("classifier", "canary", 1)
    assert kept == [(state / "labels.json").read_text("utf-8")]


def test_who_moves_a_label_keeps_no_service_from_reading_it(state: Path, labels: Labels) -> None:
    mask = os.umask(0o077)
    try:
        labels.move("classifier", "canary", 1)
    finally:
        os.umask(mask)
    assert (state / "labels.json").stat().st_mode & 0o777 == 0o644


def test_nothing_to_move_back_to(labels: Labels) -> None:
    with pytest.raises(UnknownLabel, match="never moved"):
        labels.move_back("classifier", "stable")
    with pytest.raises(UnknownLabel, match="No version of classifier is labelled 'canary'"):
        labels.move_back("classifier", "canary")


def test_never_back_to_a_version_that_was_damaged_since(store: Store, labels: Labels) -> None:
    add_version(store, 2)
    labels.move("classifier", "stable", 2)
    (store.path("classifier", 1) / "saved_model.pb").unlink()
    with pytest.raises(RefusedVersion, match=r"saved_model\.pb is missing"):
        labels.move_back("classifier", "stable")
    assert labels.get("classifier", "stable").version == 2


def test_other_weights_under_the_same_number_are_not_served(store: Store, labels: Labels) -> None:
    pinned = store.open("grader", 1).manifest.classifier
    assert pinned is not None
    impostor = store.open("classifier", 1).manifest.model_copy(update={"summary": "retrained", "files": {}})
    files = store.path("classifier", 1).rename(store.root.parent / "files")
    publish(store, files, impostor)
    assert store.open("classifier", 1).manifest.summary == "retrained"  # it verifies by itself ...
    with pytest.raises(RefusedVersion, match="classifier/1 has the digest"):
        labels.resolve("classifier", "stable")  # ... and is not what was labelled
    with pytest.raises(RefusedVersion, match="classifier/1 has the digest"):
        open_pinned(store, pinned)


def test_a_label_moves_only_to_a_version_that_verifies(store: Store, labels: Labels) -> None:
    damaged = add_version(store, 2).path
    (damaged / "saved_model.pb").write_bytes(b"")
    for version, error in [(2, RefusedVersion), (3, UnknownVersion)]:
        with pytest.raises(error):
            labels.move("classifier", "stable", version)
    with pytest.raises(UnknownModel):
        labels.move("segmenter", "stable", 1)
    assert labels.get("classifier", "stable").version == 1


def test_a_move_can_demand_a_digest(store: Store, state: Path, labels: Labels) -> None:
    digest = store.open("classifier", 1).digest
    with pytest.raises(RefusedVersion, match="000000000000 was asked for"):
        labels.move("classifier", "canary", 1, "0" * 64)
    assert not (state / "labels.json").exists()
    assert labels.move("classifier", "canary", 1, digest).digest == digest


def test_a_label_whose_version_is_gone(store: Store, labels: Labels) -> None:
    shutil.rmtree(store.path("grader", 1))
    assert labels.get("grader", "stable").version == 1
    with pytest.raises(UnknownVersion):
        labels.resolve("grader", "stable")


@pytest.mark.parametrize("label", ["", "Stable", "a b", "../x", "1", "x" * 65])
def test_what_cannot_be_a_label(labels: Labels, label: str) -> None:
    with pytest.raises(UnknownLabel, match="cannot be a label"):
        labels.move("classifier", label, 1)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"classifier": {"stable": 1}}', '{"classifier": {"stable": {"version": 1}}}']
)
def test_a_damaged_file_is_not_taken_for_an_empty_one(store: Store, state: Path, labels: Labels, content: str) -> None:
    """Or the shipped version would come back although the operator had moved away from it."""
    state.mkdir()
    (state / "labels.json").write_text(content)
    with pytest.raises(UnreadableLabels, match=r"state/labels\.json cannot be understood"):
        labels.get("classifier", "stable")
    with pytest.raises(UnreadableLabels):
        labels.move("classifier", "stable", 1)
    assert (state / "labels.json").read_text() == content


def test_of_two_entries_for_one_label_none_is_taken(state: Path, labels: Labels) -> None:
    """As a repair by hand may leave them: whichever counted, it could be the wrong model."""
    entry = f'{{"version": 1, "digest": "{"0" * 64}"}}'
    state.mkdir()
    (state / "labels.json").write_text(f'{{"classifier": {{"stable": {entry}, "stable": {entry}}}}}')
    with pytest.raises(UnreadableLabels, match=r"state/labels\.json cannot be understood: stable is there twice\."):
        labels.get("classifier", "stable")


MOVER = """
import sys
from pathlib import Path
from model_store.labels import Labels
from model_store.store import Store
labels = Labels(Store(Path(sys.argv[1])), Path(sys.argv[2]))
for number in range(8):
    labels.move("classifier", f"by-{sys.argv[3]}-{number}", 1)
"""


def test_moves_by_many_processes_are_all_kept(store: Store, state: Path, labels: Labels) -> None:
    command = [sys.executable, "-c", MOVER, str(store.root), str(state)]
    movers = [subprocess.Popen([*command, str(number)], cwd=REPOSITORY) for number in range(4)]
    while any(mover.poll() is None for mover in movers):
        assert labels.get("classifier", "stable").version == 1  # never half a file
    assert [mover.wait() for mover in movers] == [0] * 4
    expected = {f"by-{mover}-{number}" for mover in range(4) for number in range(8)} | {"stable"}
    assert set(labels.all("classifier")) == expected
    assert [path.name for path in state.iterdir()] == ["labels.json"]


def test_a_file_that_others_can_read(labels: Labels, state: Path, tmp_path: Path) -> None:
    labels.move("classifier", "canary", 1)
    (tmp_path / "plain").write_text("")
    assert (state / "labels.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_share_stays_until_another_is_given(store: Store, labels: Labels) -> None:
    add_version(store, 2)
    assert labels.move("classifier", "canary", 2, share=0.2).share == 0.2
    assert labels.move("classifier", "canary", 1).share == 0.2
    assert labels.move_back("classifier", "canary").share == 0.2
    assert labels.move("classifier", "canary", 2, share=0.0).share == 0.0
    assert labels.get("classifier", "stable").share is None
