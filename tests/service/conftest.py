"""One tiny store and one running service for the whole session; tests that change a store copy it."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.stopping import SIGNALS, Stop
from service.trial_process import TrialProcess
from tests.running_service import Service, running
from tests.tiny_models import add_classifier, build_store


@pytest.fixture(scope="session")
def pristine_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """classifier/1 and grader/1 labelled stable, classifier/2 without a label. Never changed."""
    store = build_store(tmp_path_factory.mktemp("store"))
    add_classifier(store, seed=2)
    return store.root


@pytest.fixture
def store(pristine_store: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(pristine_store, tmp_path / "models")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder for labels that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def trials_take_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a service they give way to everything else; here that is the other tests, and this one waits for them."""
    monkeypatch.setattr(TrialProcess.__init__, "__defaults__", (0,))


@pytest.fixture
def stop() -> Iterator[Stop]:
    """What hears signals; afterwards they do what they did before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield Stop()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def service(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that tests share; they must not change its store."""
    with running(pristine_store, tmp_path_factory.mktemp("state"), LOG_LEVEL="debug") as started:
        yield started


@pytest.fixture
def client(service: Service) -> httpx.Client:
    """Talks to the shared service."""
    return service.client
