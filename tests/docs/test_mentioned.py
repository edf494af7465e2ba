"""Commands that a text mentions within a sentence, and those that `make` gives for what takes minutes to hours."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator

import pytest

from benchmarks import cli as benchmarks
from gateway import cli as gateway
from gateway.settings import Settings as OfGateway
from gateway.settings import variable as gateway_variable
from model_store import cli as model_store
from service import cli as service
from service.settings import Settings, variable
from tests.docs.blocks import FENCE, documents
from tests.docs.following import dry
from tests.fuzz import __main__ as fuzz
from tests.running_service import ROOT

PARSES: dict[str, Callable[[list[str]], argparse.Namespace]] = {
    "melanoserve": lambda words: service._parser().parse_args(words),
    "benchmarks": lambda words: benchmarks._parser().parse_args(words),
    "gateway": lambda words: gateway._parser().parse_args(words),
    "model_store": lambda words: model_store._parser().parse_args(words),
    "tests.fuzz": fuzz._parse,
}
"""The training's are tested in test_commands.py: to import it takes seconds."""

EXAMPLES = {"COMMAND": "compare"}
"""What a sentence leaves open -> one of what it may be."""

MENTIONED = re.compile(r"`((?:\.venv/bin/)?(?:make|melanoserve|python -m) [^`]+)`")


def mentioned() -> Iterator[tuple[str, list[str]]]:
    for document in documents():
        text = FENCE.sub("", (ROOT / document).read_text("utf-8"))
        for command in MENTIONED.findall(text):
            yield document, shlex.split(command.removeprefix(".venv/bin/").removeprefix("python -m "))


@pytest.mark.parametrize(("document", "words"), [pytest.param(*one, id=" ".join(one[1])) for one in mentioned()])
def test_what_a_sentence_mentions_is_there(document: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    program, *rest = words
    if program == "make":
        assert dry(*rest)
    elif program in PARSES:
        # With --help nothing is missed that a sentence leaves out, but neither is an option that there is not.
        with pytest.raises(SystemExit) as ended:
            PARSES[program]([*(EXAMPLES.get(word, word) for word in rest), "--help"])
        told = capsys.readouterr()
        assert ended.value.code == 0, told.err
        assert all(option in told.out.split() for option in rest if option.startswith("--"))
    else:
        assert program in ("training", "training.accelerator", "tests.docs"), f"{document}: {words}"


@pytest.mark.parametrize("target", ["bench", "soak", "fuzz", "gateway", "serve"])
def test_the_program_takes_what_make_gives_it(target: str) -> None:
    program, *arguments = shlex.split(dry(target)[-1].replace("python -m ", "").removeprefix(".venv/bin/"))
    assert vars(PARSES[program](arguments))


@pytest.mark.parametrize("target", ["contract", "clinic"])
def test_the_tests_that_make_gives_more_to_do_listen_to_it(target: str) -> None:
    words = shlex.split(dry(target)[-1])
    text = (ROOT / words[-1]).read_text("utf-8")
    variables = [word.partition("=")[0] for word in words[: words.index(".venv/bin/python")]]
    assert variables
    assert all(f'"{variable}"' in text for variable in variables)


def test_every_variable_and_every_list_of_packages_that_a_document_names_is_there() -> None:
    known = {variable(name) for name in Settings.model_fields}
    known |= {gateway_variable(name) for name in OfGateway.model_fields}
    known |= set(re.findall(r"MELANOSERVE_[A-Z_]+", (ROOT / "docker-compose.yml").read_text("utf-8")))
    for document in documents():
        text = (ROOT / document).read_text("utf-8")
        assert set(re.findall(r"\bMELANO(?:SERVE|GATEWAY)_[A-Z_]+", text)) <= known, document
        assert all((ROOT / name).is_file() for name in re.findall(r"\brequirements/\w+\.\w+", text)), document
