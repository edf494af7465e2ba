import hashlib
from argparse import Namespace
from pathlib import Path

import pytest

from model_store.errors import UnreadableLabels
from model_store.store import Store
from tests.training.built import Data, Published
from tests.training.layouts.written import picture
from training.arguments import (
    CommandError,
    check_publishing,
    describe_photographs,
    describe_weights,
    newest_classifier,
    read_images,
    refuse_beside_learned,
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


def _publishing(tmp_path: Path, label: str | None) -> Namespace:
    return Namespace(label=label, state=tmp_path / "state")


def test_a_store_is_tried_without_a_trace(tmp_path: Path) -> None:
    check_publishing(_publishing(tmp_path, None), Store(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == []
    assert not (tmp_path / "state").exists()
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=r"the store .* cannot be written"):
        check_publishing(_publishing(tmp_path, None), Store(tmp_path / "file" / "models"))


def test_a_label_is_tried_before_hours_of_training(tmp_path: Path) -> None:
    """In the end the version would be published, and the same command publish it again."""
    store, state = Store(tmp_path / "models"), tmp_path / "state"
    check_publishing(_publishing(tmp_path, "stable"), store)
    assert list(state.iterdir()) == []
    with pytest.raises(CommandError, match="'Stable' cannot be a label: use lower-case letters"):
        check_publishing(_publishing(tmp_path, "Stable"), store)
    (state / "labels.json").write_text("{")
    with pytest.raises(UnreadableLabels):
        check_publishing(_publishing(tmp_path, "stable"), store)
    (state / "labels.json").unlink()
    state.rmdir()
    state.touch()
    with pytest.raises(CommandError, match=r"the state folder .* cannot be written"):
        check_publishing(_publishing(tmp_path, "stable"), store)


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


def test_a_photograph_that_is_none_is_told_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "._sea.jpg").write_bytes(b"half of a file")
    picture(tmp_path / "sea.png")
    assert describe_photographs(tmp_path)["photographs"].startswith("1 files of ")
    (tmp_path / "beach.jpg").write_bytes(b"text")
    with pytest.raises(CommandError, match=r"beach\.jpg is no photograph that can be read"):
        describe_photographs(tmp_path)


def test_only_sources_that_have_a_part_are_read(data: Data, capsys: pytest.CaptureFixture[str]) -> None:
    options = Namespace(data=data.root)
    assert len(read_images(options)) == len(data.table.images)
    found = read_images(options, {"ham10000", "fullres", "elsewhere"}, needed={"ham10000"})
    assert {image.source for image in found} == {"ham10000", "fullres"}
    passed_over = "isic-acral, isic2017, melanoma-severity, melanoma10000"
    assert capsys.readouterr().err == f"passed over, as they have no part in this version: {passed_over}\n"


def test_sources_that_are_not_there(data: Data) -> None:
    options, there = (
        Namespace(data=data.root),
        "fullres, ham10000, isic-acral, isic2017, melanoma-severity, melanoma10000",
    )
    with pytest.raises(CommandError, match=f"^there is no source here, there in {data.root}; there is: {there}$"):
        read_images(options, needed={"there", "ham10000", "here"})
    with pytest.raises(CommandError, match=f"^there is no source elsewhere in {data.root}; there is: {there}$"):
        read_images(options, {"elsewhere"})


def test_what_learned_elsewhere_is_not_learned_again() -> None:
    options = Namespace(seed=None, epoch_size=32, learning_rate=0.1)
    refuse_beside_learned(options, "seed")
    with pytest.raises(CommandError, match=r"^--epoch-size and --learning-rate would change nothing of what --learned"):
        refuse_beside_learned(options, "seed", "epoch_size", "learning_rate")
