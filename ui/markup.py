"""Texts and tables for the browser, with nothing in them taken for markup that is none."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from ui.words import percent

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-!|$~:<>])")


def plain(text: str) -> str:
    """The text for what reads Markdown, as it stands."""
    return _MARKDOWN.sub(r"\\\1", text)


def table(rows: Sequence[Mapping[str, str]], caption: str) -> str:
    """HTML of a table whose first column names its rows; it can be scrolled with the keyboard where it is too wide.

    Args:
        rows: All with the same columns, at least one; a column that is empty in all of them is left out.
        caption: What it shows; read aloud, not drawn.
    """
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{_cells([row[name] for name in columns])}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="rows">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def shares(values: Mapping[str, float], caption: str) -> str:
    """HTML of shares of 0 to 1 as bars with their figures."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f'<td><div class="track"><div class="bar" style="width:{100 * value:.1f}%"></div></div></td>'
        f'<td class="figure">{escape(percent(value))}</td></tr>'
        for name, value in values.items()
    )
    return f'<table class="shares"><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>'


def facts(values: Mapping[str, str]) -> str:
    """HTML of names and what they are."""
    return '<dl class="facts">' + "".join(_fact(*pair) for pair in values.items()) + "</dl>"


def _fact(name: str, value: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"


def _cells(values: Sequence[str]) -> str:
    first, *others = (escape(value) for value in values)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{value}</td>" for value in others)
