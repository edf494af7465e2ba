import re

import pytest

from docs.hooks.pages import LINK, Nav, _expanded, relinked
from tests.docs.blocks import FENCE, documents
from tests.running_service import ROOT


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](../concepts.md#figures)", "[a](../concepts.md#figures)"),
        ("[a](../../CONTRIBUTING.md)", "[a](../contributing.md)"),
        ("[a](../../README.md)", "[a](../index.md)"),
        ("[a](../../README.md#what-was-measured)", "[a](../measured.md#what-was-measured)"),
        ("![a](../images/sample.png)", "![a](../images/sample.png)"),
        ("[a](../../model_store/models/classifier/2/LICENSE)", "[a](../models/classifier/2/LICENSE)"),
        ("[code](../../service/app.py)", "code"),
        ("[a](https://example.org/x)", "[a](https://example.org/x)"),
        ("[a](#here)", "[a](#here)"),
    ],
)
def test_a_link_leads_to_the_page_of_a_file_or_is_none(written: str, shown: str) -> None:
    assert relinked(written, "docs/how-to/x.md", "how-to/x.md") == shown


@pytest.mark.parametrize("document", documents())
def test_a_link_leads_to_a_file_of_the_repository(document: str) -> None:
    """Also to whoever reads it there, without the site."""
    text = FENCE.sub("", (ROOT / document).read_text("utf-8"))
    for _, _, target, _ in LINK.findall(text):
        assert re.match(r"[a-z]+:", target) or (ROOT / document).parent.joinpath(target).exists(), target


def test_a_file_of_the_root_links_from_its_own_place() -> None:
    assert relinked("[a](docs/errors.md)", "CONTRIBUTING.md", "contributing.md") == "[a](errors.md)"


def test_a_pattern_of_the_navigation_stands_for_the_pages_that_are_named_nowhere_else() -> None:
    nav: list[Nav] = [{"Home": "index.md"}, {"How": ["how/a.md", "how/*.md", {"Deep": ["*.md"]}]}, "last.md"]
    assert _expanded(nav, ["how/b.md", "new.md", "other/x.md"]) == [
        {"Home": "index.md"},
        {"How": ["how/a.md", "how/b.md", {"Deep": ["new.md", "other/x.md"]}]},
        "last.md",
    ]
