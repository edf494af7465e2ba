"""Every command of docs/training.md is one that the command line takes."""

import re
import shlex

import pytest

from tests.running_service import ROOT
from training.cli import parser
from training.options import OPTIONS

TEXT = (ROOT / "docs" / "training.md").read_text("utf-8")
COMMANDS = [
    line[line.index(".venv/bin/python") :].removesuffix("&")
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if ".venv/bin/python" in line
]


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_taken(command: str) -> None:
    words = shlex.split(command)
    assert words[:3] == [".venv/bin/python", "-m", "training"]
    assert callable(parser().parse_args(words[3:]).run_command)


def test_every_option_is_explained() -> None:
    assert len(COMMANDS) >= 9
    for option in OPTIONS:
        assert f"`{option}` (" in TEXT
