import hashlib
from pathlib import Path

import pytest

from model_store.store import Store
from tests.training.built import Data, Published
from training.arguments import (
    CommandError,
    check_present,
    check_writable,
    describe_photographs,
    describe_weights,
    newest_classifier,
)
from training.arguments import published as version_named


def test_a_version_is_named_as_in_the_store_or_by_its_folder(published: Published, tmp_path: Path) -> None:
    by_name = version_named(published.store, "classifier/1")
    by_folder = version_named(Store(tmp_path), str(published.classifier.path))
    assert by_name.digest == by_folder.digest == published.classifier.digest


def test_the_newest_classifier(published: Published, tmp_path: Path) -> None:
    assert newest_classifier(published.store) == "classifier/1"
    (tmp_path / "classifier").mkdir()
    with pytest.raises(CommandError, match="there is no classifier in"):
        newest_classifier(Store(tmp_path))


def test_a_store_is_tried_without_a_trace(tmp_path: Path) -> None:
    check_writable(Store(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written"):
        check_writable(Store(tmp_path / "file" / "models"))


def test_weights_are_described_by_what_is_in_them(tmp_path: Path) -> None:
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"weights")
    assert describe_weights(str(file)) == {
        "base": f"some.weights.h5 (sha256 {hashlib.sha256(b'weights').hexdigest()[:12]})"
    }
    assert describe_weights("imagenet") == {"base": "imagenet"}


def test_photographs_are_asked_for_only_where_there_are_some(tmp_path: Path) -> None:
    assert describe_photographs(None) == {}
    with pytest.raises(CommandError, match="no photographs"):
        describe_photographs(tmp_path)


def test_sources_without_images(data: Data) -> None:
    check_present({"ham10000"}, data.table)
    with pytest.raises(CommandError, match="no images of here, there: say with --sources"):
        check_present({"there", "ham10000", "here"}, data.table)
