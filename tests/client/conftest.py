"""One running service with tiny models for all tests of the client."""

from collections.abc import Iterator

import pytest

from client import Client
from service.key_file import KeyFile
from tests.running_service import Service, running
from tests.tiny_models import add_classifier, build_store


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """classifier/1 and grader/1 labelled stable, classifier/2 without a label."""
    store = build_store(tmp_path_factory.mktemp("store"))
    add_classifier(store, seed=2)
    with running(store.root, tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.fixture
def url(service: Service) -> str:
    return str(service.client.base_url)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as opened:
        yield opened


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A service that asks for keys, and one that may ask about images."""
    store, keys = build_store(tmp_path_factory.mktemp("guarded")), tmp_path_factory.mktemp("keys") / "keys.json"
    key = KeyFile(keys).add("client", ["infer"]).text
    with running(store.root, tmp_path_factory.mktemp("guarded_state"), KEYS=str(keys)) as started:
        yield str(started.client.base_url), key
