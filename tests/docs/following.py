"""Which commands of the documents are given to a shell, and which are not and why."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterator

from tests.docs.blocks import COMMANDS, Block, blocks, documents
from tests.docs.reader import Reader
from tests.running_service import ROOT

LEFT_OUT = [
    ("*", r"git clone ", "where this repository is hosted, nobody knows yet"),
    ("*", r"cd melanoserve$", "the reader stands there already"),
    ("*", r"make (test|lint|docs|requirements)\b", "is what runs this, or is run beside it"),
    ("*", r"make (train|bench|soak|fuzz|contract)\b", "takes minutes to hours; test_mentioned.py tries how it begins"),
    ("*", r"make \.venv/training$", "installs what runs this; test_training.py sees that it comes first"),
    ("*", r"(\w+=\S+ )*docker compose ", "takes a Docker engine; what it names is looked for in test_compose.py"),
    ("*", r"make ui\b", "tests/ui starts the page and drives it in a browser"),
    ("docs/typescript.md", r"", "tests/client/test_typescript.py generates, compiles and runs it"),
    ("docs/own-images.md", r"", "tests/test_own_images.py follows it, with rendered images and less patience"),
    (
        "*",
        r"(\w+=.* )*\.venv/bin/python -m training(\.accelerator(\.teacher_weights)?)? ",
        "takes minutes to hours; test_commands.py tries how it begins",
    ),
    ("docs/gateway.md", r"", "tests/gateway does it with a real PACS; test_gateway.py, what is about its queue"),
    ("docs/access.md", r"mkdir -p tls", "takes a certificate; tests/docker tries the proxy with one of its own"),
    ("docs/access.md", r"curl .* https://", "tests/docker asks a proxy of its own"),
    ("docs/audit.md", r"\.venv/bin/python -m pip install ", "changes the environment of the tests"),
    ("docs/audit.md", r"PGPASSWORD=", "takes a database server; tests/service/audit starts one"),
    ("docs/training.md", r"export CLUSTER=", "belongs to the trainings that are started after it"),
]
"""Document, command and reason of what is not run here. What is not named here is."""

SPOKEN = [document for document in documents() if any(block.language in COMMANDS for block in blocks(document))]
"""The documents that tell a reader to do something."""


def alone(document: str) -> bool:
    """Whether a document makes keys, which shuts everybody else out: it needs a service of its own."""
    return "keys add" in (ROOT / document).read_text("utf-8")


def followed(document: str, reader: Reader, *, without: Collection[str] = ()) -> Iterator[tuple[Block, str]]:
    """Does what a document says; each block whose output it shows, with what came out.

    Args:
        document: Which.
        reader: Who does it.
        without: Languages that nothing here can run.

    Raises:
        AssertionError: A command failed, or the document shows what comes out of one that is not run here.
    """
    spoken = [block for block in blocks(document) if block.language in COMMANDS and block.language not in without]
    run = {block: [command for command in block.commands if not left_out(block, command)] for block in spoken}
    ran = iter(reader.follow([command for commands in run.values() for command in commands]))
    for block, commands in run.items():
        done = [next(ran) for _ in commands]
        if block.output is None:
            assert not any(one.status for one in done), f"{block}: {done}"
        else:
            assert commands == block.commands, f"{block}: what is not run, shows nothing"
            yield block, "".join(one.printed for one in done)


def dry(*words: str) -> list[str]:
    """What `make` would do, line by line.

    Raises:
        AssertionError: It has no such target.
    """
    # Where tests are run by `make test`, this is a make within a make, which would name the folder too.
    command = ["make", "-n", "--no-print-directory", *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def left_out(block: Block, command: str) -> bool:
    """Whether LEFT_OUT names it."""
    return any(document in ("*", block.document) and re.match(start, command) for document, start, _ in LEFT_OUT)
