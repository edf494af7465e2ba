import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from model_store import store as module
from model_store.errors import RefusedForNow
from model_store.store import RefusedVersion, Store, UnknownModel, UnknownVersion, regular_files

VARIABLES = "variables/variables.data-00000-of-00001"


def flip_a_byte(version: Path, file: str = VARIABLES) -> None:
    data = bytearray((version / file).read_bytes())
    data[len(data) // 2] ^= 1
    (version / file).write_bytes(data)


def truncate(version: Path) -> None:
    data = (version / "saved_model.pb").read_bytes()
    (version / "saved_model.pb").write_bytes(data[:-1])


def add_a_file(version: Path) -> None:
    (version / "assets").mkdir()
    (version / "assets" / "extra.txt").write_text("not published")


def link_a_file(version: Path) -> None:
    shutil.move(version / VARIABLES, version.parent / "elsewhere")
    (version / VARIABLES).symlink_to(version.parent / "elsewhere")


def link_a_folder(version: Path) -> None:
    shutil.move(version / "variables", version.parent / "elsewhere")
    (version / "variables").symlink_to(version.parent / "elsewhere", target_is_directory=True)


def link_the_manifest(version: Path) -> None:
    shutil.move(version / "manifest.json", version.parent / "elsewhere")
    (version / "manifest.json").symlink_to(version.parent / "elsewhere")


def make_a_pipe(version: Path) -> None:
    (version / VARIABLES).unlink()
    os.mkfifo(version / VARIABLES)


def folder_for_a_file(version: Path) -> None:
    (version / "saved_model.pb").unlink()
    (version / "saved_model.pb").mkdir()


def change_manifest(**changes: object) -> Callable[[Path], None]:
    def change(version: Path) -> None:
        manifest = json.loads((version / "manifest.json").read_bytes()) | changes
        (version / "manifest.json").write_text(json.dumps(manifest))

    return change


def say_something_twice(version: Path) -> None:
    text = (version / "manifest.json").read_text()
    (version / "manifest.json").write_text(text.replace("{", '{"summary": "",', 1))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, f"{VARIABLES} was changed: its sha256 is not the one in manifest.json."),
        (lambda version: flip_a_byte(version, "golden/01.png"), "golden/01.png was changed"),
        (truncate, "saved_model.pb has "),
        (lambda version: (version / VARIABLES).unlink(), f"{VARIABLES} is missing."),
        (lambda version: shutil.rmtree(version / "variables"), f"{VARIABLES} is missing."),
        (lambda version: (version / "manifest.json").unlink(), "no manifest.json: half copied or never published"),
        (lambda version: (version / "manifest.json").write_bytes(b""), "manifest.json cannot be understood"),
        (lambda version: (version / "manifest.json").write_bytes(b'{"name": "cl'), "manifest.json cannot be"),
        (change_manifest(surprise=1), "manifest.json cannot be understood: surprise: Extra inputs"),
        (change_manifest(files={}), "manifest.json lists no files."),
        (change_manifest(version=2), "manifest.json is of classifier/2, not of classifier/1."),
        (change_manifest(name="other"), "manifest.json is of other/1, not of classifier/1."),
        (say_something_twice, "manifest.json cannot be understood: summary is there twice."),
        (add_a_file, "assets/extra.txt is not listed in manifest.json."),
        (link_a_file, f"{VARIABLES} is a symbolic link"),
        (link_a_folder, "variables is a symbolic link"),
        (link_the_manifest, "manifest.json is a symbolic link"),
        (make_a_pipe, f"{VARIABLES} is neither a file nor a directory"),
        (folder_for_a_file, "saved_model.pb is missing."),
    ],
)
def test_a_damaged_version_is_refused(store: Store, damage: Callable[[Path], None], reason: str) -> None:
    store.open("classifier", 1)
    damage(store.path("classifier", 1))
    with pytest.raises(RefusedVersion) as refused:
        store.open("classifier", 1)
    assert reason in refused.value.reason
    assert str(store.root) not in refused.value.reason
    assert store.versions("classifier") == [1]  # it shows, as refused


def test_every_byte_of_every_file_counts(store: Store) -> None:
    version = store.path("grader", 1)
    for file in [*store.open("grader", 1).manifest.files]:
        before = (version / file).read_bytes()
        flip_a_byte(version, file)
        with pytest.raises(RefusedVersion, match=file):
            store.open("grader", 1)
        (version / file).write_bytes(before)
    assert store.open("grader", 1).version == 1


def test_a_version_under_another_number_is_refused(store: Store) -> None:
    shutil.copytree(store.path("classifier", 1), store.path("classifier", 2))
    with pytest.raises(RefusedVersion, match=r"is of classifier/1, not of classifier/2"):
        store.open("classifier", 2)


def test_the_digest_is_that_of_the_manifest(store: Store) -> None:
    opened = store.open("classifier", 1)
    assert opened.digest == hashlib.sha256((opened.path / "manifest.json").read_bytes()).hexdigest()
    assert opened.path == store.root / "classifier" / "1"
    assert {VARIABLES, "saved_model.pb", "golden/00.png"} <= opened.manifest.files.keys()


@pytest.mark.parametrize("hidden", [".DS_Store", "golden/.nfs0001", ".cache/x"])
def test_hidden_files_do_no_harm(store: Store, hidden: str) -> None:
    file = store.path("classifier", 1) / hidden
    file.parent.mkdir(exist_ok=True)
    file.write_text("x")
    assert store.open("classifier", 1).version == 1
    assert hidden not in set(regular_files(store.path("classifier", 1)))


@pytest.mark.parametrize("name", [".2.partial-ab12", "0", "01", "-1", "1.0", "2 ", "٣", "latest"])
def test_what_is_no_version(store: Store, name: str) -> None:
    (store.root / "classifier" / name).mkdir()
    (store.root / "classifier" / "7").write_text("a file")
    assert store.versions("classifier") == [1]


def test_versions_are_in_the_order_of_their_numbers(store: Store) -> None:
    for number in (10, 9):
        store.path("classifier", number).mkdir()
    assert store.versions("classifier") == [1, 9, 10]
    assert store.next_version("classifier") == 11
    assert store.next_version("segmenter") == 1


def test_names(store: Store) -> None:
    for name in (".git", "Not-A-Name", "a b"):
        (store.root / name).mkdir()
    assert store.names() == ["classifier", "grader"]
    assert Store(store.root / "missing").names() == []


@pytest.mark.parametrize("name", ["none", "../models/classifier", "classifier/1", "", ".", "..", "classifier\0"])
def test_an_unknown_model(store: Store, name: str) -> None:
    with pytest.raises(UnknownModel) as unknown:
        store.open(name, 1)
    assert unknown.value.code == "unknown_model"


@pytest.mark.parametrize("version", [0, 2, -1])
def test_an_unknown_version(store: Store, version: int) -> None:
    with pytest.raises(UnknownVersion, match=f"no version {version} of classifier"):
        store.open("classifier", version)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied", "/x/LICENSE"), r"LICENSE cannot be read: Permission denied\."),
        (OSError(24, "Too many open files"), r"1 cannot be read: Too many open files\."),
        (MemoryError(), "no memory"),
    ],
)
def test_what_cannot_be_read_is_refused_for_now(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def read(_: Path) -> None:
        raise error

    monkeypatch.setattr(module, "record", read)
    with pytest.raises(RefusedForNow, match=reason):
        store.open("classifier", 1)
