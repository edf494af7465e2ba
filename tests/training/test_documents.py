import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from model_store.manifest import Manifest
from tests.training.built import Published
from training.documents import write_documents


class _Page(HTMLParser):
    """Titles, cells, pictures, and whether every element is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.titles: list[str] = []
        self.cells: list[str] = []
        self.pictures: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            found = dict(attrs)
            self.pictures[str(found["src"])] = str(found["alt"])
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.titles.append(data)
        if "td" in self.open:
            self.cells.append(data)


def _read(folder: Path) -> _Page:
    page = _Page()
    page.feed((folder / "report" / "index.html").read_text("utf-8"))
    assert page.open == []
    return page


@pytest.mark.parametrize("name", ["classifier", "grader"])
def test_the_page_shows_the_card_and_every_plot(published: Published, name: str) -> None:
    version = getattr(published, name)
    page, card = _read(version.path), (version.path / "model_card.md").read_text("utf-8")
    titles = re.findall(r"^#+ (.+)$", card, re.MULTILINE)
    assert [title for title in page.titles if title != "Plots"] == titles
    plots = {file.name for file in (version.path / "report").glob("*.png")}
    assert set(page.pictures) == plots
    assert all(re.fullmatch(r"Plot: [a-z ]+", alt) for alt in page.pictures.values())
    figure = next(iter(next(iter(version.manifest.evaluations.values())).metrics.values()))
    assert f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})" in page.cells


def test_names_of_a_user_s_folders_are_text(published: Published, tmp_path: Path) -> None:
    manifest = published.classifier.manifest
    source = manifest.training.sources[0].model_copy(update={"name": "<script>alert(1)</script>"})
    record = manifest.training.model_copy(update={"sources": [source]})
    write_documents(Manifest.model_validate(manifest.model_dump() | {"training": record}), tmp_path)
    text = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert (tmp_path / "LICENSE").read_text("utf-8").startswith("Model weights")
