import shutil
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from model_store.errors import RefusedVersion, StoreError, VersionExists
from model_store.manifest import Manifest
from model_store.publish import publish
from model_store.store import Store, record


@pytest.fixture
def source(pristine: Store, tmp_path: Path) -> Path:
    """The files of a version outside a store, as training leaves them."""
    shutil.copytree(pristine.path("classifier", 1), tmp_path / "source")
    (tmp_path / "source" / "manifest.json").write_text("of another attempt")
    (tmp_path / "source" / ".checkpoint").write_text("not part of it")
    return tmp_path / "source"


@pytest.fixture
def manifest(pristine: Store) -> Manifest:
    """As training makes it: it does not know the files yet."""
    return pristine.open("classifier", 1).manifest.model_copy(update={"version": 2, "files": {}})


def everything(store: Store) -> set[str]:
    return {str(path.relative_to(store.root)) for path in store.root.rglob("*")}


def test_it_is_there_and_verifies(store: Store, source: Path, manifest: Manifest) -> None:
    published = publish(store, source, manifest)
    assert published == store.open("classifier", 2)
    assert published.manifest.files["saved_model.pb"] == record(source / "saved_model.pb")
    assert set(published.manifest.files) == set(store.open("classifier", 1).manifest.files)
    assert not [path for path in everything(store) if "/." in path or path.startswith(".")]
    assert (source / "manifest.json").read_text() == "of another attempt"


def test_into_a_store_that_does_not_exist_yet(tmp_path: Path, source: Path, manifest: Manifest) -> None:
    store = Store(tmp_path / "new" / "models")
    publish(store, source, manifest)
    assert store.versions("classifier") == [2]


def test_everyone_whom_the_umask_allows_can_read_it(store: Store, source: Path, manifest: Manifest) -> None:
    folder = publish(store, source, manifest).path
    expected = store.path("classifier", 1).parent.stat().st_mode & 0o777
    assert folder.stat().st_mode & 0o777 == expected


def test_a_published_version_is_never_overwritten(store: Store, source: Path, manifest: Manifest) -> None:
    before = everything(store), store.open("classifier", 1).digest
    with pytest.raises(VersionExists, match="classifier/1 is published already"):
        publish(store, source, manifest.model_copy(update={"version": 1, "summary": "better"}))
    assert (everything(store), store.open("classifier", 1).digest) == before


def test_not_even_one_that_is_refused(store: Store, source: Path, manifest: Manifest) -> None:
    store.path("classifier", 2).mkdir()
    with pytest.raises(VersionExists):
        publish(store, source, manifest)


@pytest.mark.parametrize(
    ("remove", "error"),
    [("golden/00.png", ValidationError), ("saved_model.pb", ValidationError), ("variables", ValidationError)],
)
def test_nothing_remains_of_a_failure(
    store: Store, source: Path, manifest: Manifest, remove: str, error: type[Exception]
) -> None:
    path = source / remove
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = everything(store)
    with pytest.raises(error, match="does not list"):
        publish(store, source, manifest)
    assert everything(store) == before


def test_links_are_not_published(store: Store, source: Path, manifest: Manifest) -> None:
    (source / "report.html").symlink_to("/etc/passwd")
    before = everything(store)
    with pytest.raises(RefusedVersion, match=r"report\.html is a symbolic link"):
        publish(store, source, manifest)
    assert everything(store) == before


def test_of_many_publishers_one_wins(store: Store, source: Path, manifest: Manifest) -> None:
    outcomes: list[str | StoreError] = []
    start = threading.Barrier(6)

    def attempt(number: int) -> None:
        start.wait()
        try:
            mine = manifest.model_copy(update={"summary": f"by {number}"})
            outcomes.append(publish(store, source, mine).digest)
        except StoreError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert winners == [store.open("classifier", 2).digest]
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, str)] == [VersionExists] * 5
    assert not [path for path in everything(store) if "partial" in path]


def test_a_slow_copy_is_never_seen(store: Store, source: Path) -> None:
    """Copied by hand, `saved_model.pb` first: at no point of it is the version served."""
    target = store.path("classifier", 2)
    for file in ["saved_model.pb", "variables/variables.index", "golden/00.png"]:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, target / file)
        with pytest.raises(RefusedVersion, match="half copied or never published"):
            store.open("classifier", 2)
