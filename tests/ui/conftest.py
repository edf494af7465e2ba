"""The real service with the newest bundled models, the real page, and a real browser: Debian's chromium."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from client import Client, GradeAnswer
from service.key_file import KeyFile
from tests.running_service import ROOT, WITHOUT_TLS, running
from tests.shipped import recent_store
from ui import frame, manifests
from ui.words import DECISIONS

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
PATIENCE = 60_000
"""Milliseconds that a browser may take for one thing, on a machine that does other things too."""
SAMPLE = ROOT / "docs" / "images" / "sample.png"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Clinic:
    """A service that asks for keys and can be stopped and started again, as the page sees it."""

    store: Path
    folder: Path
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        keys = str(self.folder / "keys.json")
        self.running.enter_context(running(self.store, self.folder / "state", PORT=str(self.port), KEYS=keys))

    def stop(self) -> None:
        self.running.close()


@dataclass(frozen=True)
class Keys:
    """Of the page, and of whoever may move labels."""

    page: str
    admin: str


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    file = KeyFile(tmp_path_factory.mktemp("clinic") / "keys.json")
    return Keys(file.add("page", ["infer"]).text, file.add("operator", ["admin"]).text)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled versions that are used."""
    return recent_store(tmp_path_factory.mktemp("store") / "models")


@pytest.fixture(scope="session")
def clinic(keys: Keys, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    found = Clinic(store, tmp_path_factory.getbasetemp() / "clinic0")
    found.start()
    yield found
    found.stop()


@pytest.fixture
def connected(clinic: Clinic, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's code asks the clinic's service also where it runs in this process, and remembers nothing of before."""
    cached = (frame.settings, frame.service, manifests._manifest)
    for function in cached:
        function.clear()
    monkeypatch.setenv("MELANOSERVE_URL", clinic.url)
    monkeypatch.setenv("MELANOSERVE_KEY", keys.page)
    yield
    frame.service().close()
    for function in cached:
        function.clear()


@pytest.fixture
def main_module() -> Iterator[None]:
    """Kept: Streamlit's AppTest makes a function's text it, which a process that a later test spawns would run."""
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


@pytest.fixture(scope="session")
def said(clinic: Clinic, keys: Keys) -> GradeAnswer:
    """What the service says of the sample: the page must say the same, whichever version is stable."""
    with Client(clinic.url, key=keys.page) as client:
        return client.grade(SAMPLE.read_bytes())


@pytest.fixture(scope="session")
def verdict(said: GradeAnswer) -> str:
    """How the page begins to say it."""
    return DECISIONS[said.classification.decision]


@pytest.fixture(scope="session")
def address(clinic: Clinic, keys: Keys) -> Iterator[str]:
    """Of the page."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "ui/app.py", "--server.port", str(port)]
    environment = os.environ | {"MELANOSERVE_URL": clinic.url, "MELANOSERVE_KEY": keys.page}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for_page(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for_page(address: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until the page can be asked for."""
    deadline = time.monotonic() + 120
    with httpx.Client(verify=WITHOUT_TLS) as http:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if http.get(f"{address}/_stcore/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise AssertionError("the page does not start")


@contextmanager
def browsing(*flags: str) -> Iterator[Browser]:
    """A browser, with more flags than `FLAGS` if there are any; without one the test skips."""
    if not CHROMIUM.exists():
        pytest.skip("NOT TESTED: the page in a browser; install Debian's package chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *flags])
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file and not for all: while it is open, no other test of the process can use asyncio."""
    with browsing() as started:
        yield started


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh window of a desktop on the first page; it must not ask any other host for anything."""
    requested: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    opened = context.new_page()
    opened.on("request", lambda request: requested.append(request.url))
    opened.goto(address)
    yield opened
    context.close()
    assert [url for url in requested if not url.startswith((address, "data:", "blob:"))] == []
