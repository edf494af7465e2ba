"""Pages that are made while the site is built: what the code says, and what lies elsewhere in the repository.

MkDocs calls `on_files` once, and `on_page_markdown` for every page.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeAlias

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.hooks.openapi import http_reference
from model_store.labels import Labels
from model_store.store import Store

ROOT = Path(__file__).parents[2]
STORE = "model_store/models/"

PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Files of the repository's root -> pages of the site."""

MEASURED = ("What was measured", "What it cannot know")
"""The README's sections that are the page measured.md."""

ANCHORS = {f"#{title.lower().replace(' ', '-')}" for title in MEASURED}

Nav: TypeAlias = "str | list[Nav] | dict[str, Nav]"

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made here, and gives every page its place."""
    for place, content in _made_pages():
        if stub := files.get_file_from_path(place):
            files.remove(stub)  # it is what links lead to in the repository, where nothing is made
        files.append(File.generated(config, place, content=content))
    for path in _of_versions():
        files.append(File.generated(config, _place(path), abs_src_path=str(ROOT / path)))
    pages = [file.src_uri for file in files.documentation_pages()]
    nav: list[Nav] = config.nav or []
    named = set(_names(nav))
    config.nav = _expanded(nav, sorted(set(pages) - named))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turns what leads to a file of the repository into what leads to its page; where it has none, no link is left."""
    place = page.file.src_uri
    if place == "measured.md" or place in set(PLACES.values()) - {"index.md"}:
        return markdown  # made from a file of the root, and turned there
    source = f"{STORE}{place.removeprefix('models/')}" if place.startswith("models/") else f"docs/{place}"
    return relinked(markdown, source, place)


def relinked(markdown: str, source: str, place: str) -> str:
    """The Markdown of the file `source`, with links that fit its `place` on the site."""

    def link(match: re.Match[str]) -> str:
        """What stands in place of one link: itself if it leads out of the repository, its text if it has no page."""
        image, text, target, anchor = match.groups()
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        found = "measured.md" if path == "README.md" and anchor in ANCHORS else _place(path)
        if not found:
            return str(text)
        return f"{image}[{text}]({posixpath.relpath(found, posixpath.dirname(place) or '.')}{anchor or ''})"

    return LINK.sub(link, markdown)


def _place(path: str) -> str:
    """Where a file of the repository is on the site; empty where it is not there."""
    if path in PLACES:
        return PLACES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith(STORE) and (ROOT / path).is_file():
        return f"models/{path.removeprefix(STORE)}"
    return ""


def _made_pages() -> Iterator[tuple[str, str]]:
    for source, place in PLACES.items():
        if place != "index.md":
            yield place, relinked((ROOT / source).read_text("utf-8"), source, place)
    sections = re.split(r"^## ", (ROOT / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    told = [f"## {section}" for title in MEASURED for section in sections if section.startswith(f"{title}\n")]
    yield "measured.md", relinked("# Figures\n\n" + "".join(told) + _plots(), "README.md", "measured.md")
    yield "reference/http.md", _http_reference()


def _plots() -> str:
    """The plots of the versions that are labelled stable."""
    store = Store(ROOT / STORE)
    told = []
    for name in store.names():
        stable = Labels(store, store.root).resolve(name, "stable")
        path = f"{STORE}{name}/{stable.version}"
        plots = sorted((ROOT / path / "report").glob("*.png"))
        told.append(f"\n## {name}/{stable.version} in pictures\n\n[Model card]({path}/model_card.md)\n\n")
        told += [f"![{plot.stem.replace('_', ' ')}]({path}/report/{plot.name})\n" for plot in plots]
    return "".join(told)


def _http_reference() -> str:
    from service import routes_pages  # noqa: PLC0415 - a second, for whoever only wants `_place`
    from service.app import create_app  # noqa: PLC0415
    from service.problems import catalogue  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415

    document = create_app(Settings()).openapi()
    hidden: list[Any] = [route for route in routes_pages.router.routes if not getattr(route, "include_in_schema", True)]
    pages = [(route.path, str(route.endpoint.__doc__)) for route in hidden]
    problems = [(kind.code, kind.status, kind.retryable, kind.title) for kind in catalogue().values()]
    return http_reference(document, [*pages, ("/openapi.json", "The OpenAPI document.")], problems)


def _of_versions() -> Iterator[str]:
    """What people read of the bundled versions."""
    for pattern in ("*/*/model_card.md", "*/*/LICENSE", "*/*/report/*"):
        for path in sorted((ROOT / STORE).glob(pattern)):
            yield path.relative_to(ROOT).as_posix()


def _names(nav: Nav) -> Iterator[str]:
    """The pages that the navigation names, and its patterns."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from _names(entry)


def _expanded(nav: list[Nav], others: list[str]) -> list[Nav]:
    """The navigation with the pages that fit a pattern in its place; each page goes to the first that it fits."""
    entries: list[Nav] = []
    for entry in nav:
        if isinstance(entry, dict):
            entries.append(
                {
                    title: _expanded(below, others) if isinstance(below, list) else below
                    for title, below in entry.items()
                }
            )
        elif isinstance(entry, str) and "*" in entry:
            fitting = [page for page in others if fnmatch(page, entry) and page.count("/") >= entry.count("/")]
            entries += fitting
            others[:] = [page for page in others if page not in fitting]
        else:
            entries.append(entry)
    return entries
