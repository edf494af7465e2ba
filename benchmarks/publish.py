"""docs/benchmarks.md and its plots, from what the commands found last."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.result import Result

COMMANDS = ("compare", "overload", "swaps", "mixed", "stops", "explain", "audit", "command-line", "soak")

HEAD = """\
# Benchmarks

Written by `python -m benchmarks COMMAND --publish`. `make bench` measures the comparison, `make soak` the soak;
`.venv/bin/python -m benchmarks --help` says how to run the others. Figures depend on the machine; ratios, less so.
"""


def picture(command: str) -> str:
    """Name of a command's plot in docs/images."""
    return "benchmark.png" if command == "compare" else f"benchmark-{command}.png"


def publish(output: Path, docs: Path) -> Path:
    """Writes the page and copies the plots.

    Args:
        output: Where the commands left their results. Of those that are missing the page keeps what it says, and where
            it says nothing yet, it says that.
        docs: The folder docs/.

    Returns:
        The page.
    """
    page = docs / "benchmarks.md"
    before = page.read_text("utf-8") if page.exists() else ""
    sections, missing = [], []
    for command in COMMANDS:
        if not (output / f"{command}.json").exists():
            kept = _kept(before, command)
            if kept is None:
                missing.append(f"`{command}`")
            else:
                sections.append(kept)
            continue
        sections.append(_section(Result.load(output / f"{command}.json")))
        (docs / "images").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(output / f"{command}.png", docs / "images" / picture(command))
    if missing:
        sections.append(f"Not measured: {', '.join(missing)}.\n")
    page.write_text("\n".join([HEAD, *sections]), "utf-8")
    return page


def _kept(page: str, command: str) -> str | None:
    """What a page says of a command, None if nothing: its section is the one with its plot."""
    sections = (f"## {section.rstrip()}\n" for section in page.split("\n## ")[1:])
    return next((section for section in sections if f"(images/{picture(command)})" in section), None)


def _section(result: Result) -> str:
    image = f"![{result.title}](images/{picture(result.command)})"
    return f"## {result.title}\n\n{_on(result.machine)}\n\n{result.markdown()}\n\n{image}\n"


def _on(machine: Mapping[str, str]) -> str:
    return (
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, {machine['memory']}; "
        f"Python {machine['python']}, OpenVINO {machine['openvino']}."
    )
