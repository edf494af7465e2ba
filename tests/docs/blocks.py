"""The blocks of a Markdown file: what a reader copies into a terminal, and what the text says will come out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.running_service import ROOT

FENCE = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)

PROGRAMS = {"python": ".venv/bin/python -", "js": "node --input-type=module -"}
"""Languages in which a whole block is one program -> what reads it from standard input."""

COMMANDS = ("sh", *PROGRAMS)
OUTPUTS = ("json", "text")


@dataclass(frozen=True)
class Block:
    """A fenced block; `output` is the block right behind it, if that shows what comes out."""

    document: str
    line: int
    language: str
    text: str
    output: str | None = None

    @property
    def commands(self) -> list[str]:
        """What a shell is given, one after the other; a block of Python or JavaScript is one command."""
        if self.language in PROGRAMS:
            return [f"{PROGRAMS[self.language]} <<'PROGRAM'\n{self.text}PROGRAM"]
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[str]:
    """Every document that may tell a reader to do something."""
    pages = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", *pages]


def blocks(document: str) -> list[Block]:
    """The fenced blocks of a document, in order."""
    text = (ROOT / document).read_text("utf-8")
    found = list(FENCE.finditer(text))
    return [
        Block(document, text.count("\n", 0, fence.start()) + 1, fence[2], fence[3], _output(text, fence, behind))
        for fence, behind in zip(found, [*found[1:], None], strict=False)
    ]


def _output(text: str, fence: re.Match[str], behind: re.Match[str] | None) -> str | None:
    if fence[2] not in COMMANDS or behind is None or behind[2] not in OUTPUTS:
        return None
    return behind[3] if not text[fence.end() : behind.start()].strip() else None
