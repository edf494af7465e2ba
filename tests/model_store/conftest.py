"""A store with real versions: built once, copied for each test, which may damage its own."""

import shutil
from pathlib import Path

import pytest

from model_store.store import Store
from tests.tiny_models import build_store


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """classifier/1 and grader/1; only to read."""
    return build_store(tmp_path_factory.mktemp("pristine") / "models")


@pytest.fixture
def store(pristine: Store, tmp_path: Path) -> Store:
    """The same, to do with as a test likes."""
    shutil.copytree(pristine.root, tmp_path / "models")
    return Store(tmp_path / "models")
