"""The documentation as a site: every link leads somewhere, nothing comes from elsewhere, and the reference is whole."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from service.app import create_app
from service.problems import catalogue
from service.settings import Settings
from tests.docs.blocks import documents
from tests.running_service import ROOT

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "video": "src", "object": "data"}
"""Tags -> the attribute whose address a browser loads by itself; so it does for most kinds of `link`."""


@dataclass
class HtmlPage(HTMLParser):
    """What a page links to, what it loads, its anchors and its words."""

    path: Path
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.classes |= set(found.get("class", "").split())
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "link" and found.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(found["href"])
        if tag in LOADED and LOADED[tag] in found:
            self.loaded.append(found[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the command of `make docs`, in which a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, HtmlPage]:
    return {path: HtmlPage(path) for path in site.rglob("*.html") if "report" not in path.parts}


def _inside(page: HtmlPage, addresses: list[str]) -> Iterator[tuple[str, Path, str]]:
    for address in addresses:
        parts = urlsplit(address)
        if not parts.scheme and not parts.netloc:
            path = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            yield address, path / "index.html" if path.is_dir() else path, unquote(parts.fragment)


def test_every_document_is_a_page_that_the_navigation_shows(site: Path, pages: dict[Path, HtmlPage]) -> None:
    shown = {path for _, path, _ in _inside(pages[site / "index.html"], pages[site / "index.html"].links)}
    for document in documents():
        if document.startswith("docs/"):
            assert site / Path(document).relative_to("docs").with_suffix(".html") in shown, document
    for page in (
        "contributing",
        "changelog",
        "security",
        "measured",
        "reference/http",
        "models/classifier/1/model_card",
    ):
        assert site / f"{page}.html" in shown, page


def test_every_link_and_anchor_leads_somewhere(pages: dict[Path, HtmlPage]) -> None:
    checked = 0
    for page in pages.values():
        if page.path.name == "404.html":
            continue  # shown in the place of any address, so its own are absolute
        for address, path, anchor in _inside(page, page.links + page.loaded):
            assert path.exists(), f"{page.path}: {address}"
            if anchor and path in pages:
                assert anchor in pages[path].anchors | {"__top"}, f"{page.path}: {address}"
            checked += 1
    assert checked > 1000


def test_no_page_asks_another_host_for_anything(site: Path, pages: dict[Path, HtmlPage]) -> None:
    """Hospitals block it. Material loads Mermaid from elsewhere, but only for a diagram, so there is none."""
    for page in pages.values():
        elsewhere = [address for address in page.loaded if urlsplit(address).netloc]
        assert not elsewhere, f"{page.path}: {elsewhere}"
        assert not page.classes & {"mermaid", "arithmatex"}, page.path
    for style in site.rglob("*.css"):
        text = style.read_text("utf-8")
        assert "url(http" not in text, style
        assert "@import" not in text, style


def test_the_reference_of_http_names_every_route_and_every_problem(site: Path) -> None:
    text = (site / "reference" / "http.html").read_text("utf-8")
    document = create_app(Settings()).openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f"<code>{method.upper()} {path}</code>" in text
            for parameter in operation.get("parameters", []):
                assert f"<code>{parameter['name']}</code>" in text
    for name in document["components"]["schemas"]:
        assert f'id="{name.lower()}"' in text
    for code in catalogue():
        assert f"<code>{code}</code>" in text
    for path in ("/", "/docs", "/openapi.json"):
        assert f"<code>GET {path}</code>" in text


def test_the_reference_of_python_names_what_a_program_may_use(site: Path) -> None:
    import client  # noqa: PLC0415

    text = (site / "reference" / "client.html").read_text("utf-8")
    for name in client.__all__:
        assert name in text
    for method in ("classify", "grade", "classify_batch", "move_label", "ready"):
        assert f'id="client.Client.{method}"' in text
    for name in client.OperatingPoint.model_fields:
        assert f'id="client.answers.OperatingPoint.{name}"' in text
