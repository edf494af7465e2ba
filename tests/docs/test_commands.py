"""Every command of the documents is run, as a reader would, and does what the text shows; or stands in LEFT_OUT."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import COMMANDS, Block, blocks, documents
from tests.docs.following import LEFT_OUT, SPOKEN, alone, dry, followed, left_out
from tests.docs.outputs import check
from tests.docs.reader import Reader, reading
from tests.node import why_no_node

NOT_RUN = ("", "bash", "console", "shell", "shell-session", "zsh", "py", "pycon", "python3")
"""Languages in which a command could hide from the test below."""


def _commands() -> list[tuple[Block, str]]:
    found = (block for document in documents() for block in blocks(document) if block.language in COMMANDS)
    return [(block, command) for block in found for command in block.commands]


def _words(command: str) -> list[str]:
    """Of a program that a block gives to an interpreter only what a shell is given."""
    return shlex.split(command.partition("<<")[0], comments=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with reading(tmp_path_factory.mktemp("clone")) as reader:
        yield reader


@pytest.fixture
def reader(request: pytest.FixtureRequest, document: str, tmp_path: Path) -> Iterator[Reader]:
    if alone(document):
        with reading(tmp_path) as own:
            yield own
    else:
        yield request.getfixturevalue("shared")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("document", SPOKEN)
def test_what_it_says_can_be_done_and_comes_out(document: str, reader: Reader) -> None:
    spoken = any(block.language == "js" and not left_out(block, block.commands[0]) for block in blocks(document))
    why = why_no_node() if spoken else ""
    for block, printed in followed(document, reader, without=("js",) if why else ()):
        assert block.output is not None
        check(block.output, printed)
    if why:
        pytest.skip(f"NOT TESTED: what {document} says in JavaScript, but the rest is; {why}")


@pytest.mark.parametrize("document", documents())
def test_its_blocks_say_what_they_are(document: str) -> None:
    for block in blocks(document):
        assert block.language not in NOT_RUN, f"{block}: commands are sh, python or js, and what comes out json or text"


def test_what_is_left_out_is_still_there() -> None:
    for document, start, reason in LEFT_OUT:
        block = any(document in ("*", block.document) and re.match(start, text) for block, text in _commands())
        assert block, f"no command {start!r} in {document} any more ({reason})"


def test_the_trainings_are_taken_by_the_command_line() -> None:
    from training.cli import parser  # noqa: PLC0415 - heavy

    taken = 0
    for command in [*(command for _, command in _commands()), *dry("train")]:
        words = _words(command)
        start = next(
            (n + 3 for n in range(len(words)) if words[n : n + 3] == [".venv/bin/python", "-m", "training"]), 0
        )
        if "docker" in words and "training" in words:
            start = words.index("training", words.index("run")) + 1
        arguments = [word for word in words[start:] if word != "&"]
        if start and "--help" not in arguments:
            assert callable(parser().parse_args(arguments).run_command), command
            taken += 1
    assert taken >= 11


def test_learning_on_an_accelerator_is_taken_by_its_command_line() -> None:
    from training.accelerator import __main__, teacher_weights  # noqa: PLC0415 - heavy

    for program, parser in (("", __main__.parser), (".teacher_weights", teacher_weights.parser)):
        start = [".venv/bin/python", "-m", f"training.accelerator{program}"]
        taken = [parser().parse_args(_words(command)[3:]) for _, command in _commands() if _words(command)[:3] == start]
        assert taken


def test_the_targets_are_those_of_the_makefile() -> None:
    for block, command in _commands():
        words = _words(command)
        if words[0] == "make":
            assert dry(*words[1:]), block
