from pathlib import Path

from benchmarks.service import STORE
from benchmarks.two_versions import CLASSIFIER, two_versions
from model_store.store import Store
from tests.tiny_models import add_classifier, build_store


def test_an_only_version_gets_a_twin_that_verifies_and_says_so(tmp_path: Path) -> None:
    original = build_store(tmp_path / "models")
    first, second = two_versions(original.root, tmp_path / "copy")
    assert (first, second) == (1, 2)
    copy = Store(tmp_path / "copy")
    one, two = copy.open(CLASSIFIER, first), copy.open(CLASSIFIER, second)
    assert one.digest == original.open(CLASSIFIER, 1).digest
    assert two.digest != one.digest
    for point, other in zip(one.manifest.operating_points, two.manifest.operating_points, strict=True):
        assert other.threshold == point.threshold / 2


def test_two_versions_are_taken_as_they_are(tmp_path: Path) -> None:
    original = build_store(tmp_path / "models")
    add_classifier(original, seed=2)
    assert two_versions(original.root, tmp_path / "copy") == (1, 2)
    assert Store(tmp_path / "copy").versions(CLASSIFIER) == original.versions(CLASSIFIER)


def test_the_store_itself_is_left_alone(tmp_path: Path) -> None:
    before = Store(STORE).versions(CLASSIFIER)
    two_versions(STORE, tmp_path / "copy")
    assert Store(STORE).versions(CLASSIFIER) == before
