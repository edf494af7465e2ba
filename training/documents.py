"""What people read of a version: model card, licence, and the two with every plot as one page for a browser."""

from __future__ import annotations

import html
from pathlib import Path

from markdown_it import MarkdownIt

from model_store.manifest import Manifest
from training.card import write_card
from training.licence import licence_of

CARD = "model_card.md"
PAGE = "report/index.html"

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }
th, td { border: 1px solid #8886; padding: .25rem .6rem; text-align: left; vertical-align: top; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
figure { margin: 0; } img { max-width: 100%; background: white; } figcaption { font-size: .9rem; }
li { overflow-wrap: anywhere; }
"""


def write_documents(manifest: Manifest, folder: Path) -> None:
    """Writes model_card.md, LICENSE and report/index.html, which shows the PNG files that lie beside it.

    Args:
        manifest: Of the version; every figure comes from it.
        folder: The version's folder.
    """
    card = write_card(manifest)
    (folder / CARD).write_text(card, "utf-8")
    (folder / "LICENSE").write_text(licence_of(manifest.training), "utf-8")
    page = folder / PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    plots = [plot.name for plot in sorted(page.parent.glob("*.png"))]
    page.write_text(_page(f"{manifest.name}/{manifest.version}", card, plots), "utf-8")


def _page(title: str, card: str, plots: list[str]) -> str:
    head, _, rest = card.partition("\n## ")
    # Raw HTML in the card would be text: sources' names come from a user's folders.
    render = MarkdownIt("commonmark", {"html": False}).enable("table").render
    figures = "\n".join(_figure(name) for name in plots)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{render(head)}"
        f'<h2>Plots</h2>\n<div class="plots">\n{figures}\n</div>\n{render(f"## {rest}")}</main>\n</body>\n</html>\n'
    )


def _figure(name: str) -> str:
    words = html.escape(Path(name).stem.replace("_", " "))
    return f'<figure><img src="{html.escape(name)}" alt="Plot: {words}"><figcaption>{words}</figcaption></figure>'
