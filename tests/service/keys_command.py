"""`melanoserve keys`, as tests use it."""

import argparse

import pytest

from service.cli_keys import register, run
from service.key_file import parsed

Captured = pytest.CaptureFixture[str]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="melanoserve")
    register(parser.add_subparsers(dest="command", required=True))
    return parser


def melanoserve(*arguments: str) -> int:
    return run(_parser().parse_args(arguments))


def made(capsys: Captured, *arguments: str) -> str:
    """The key that a command prints."""
    assert melanoserve("keys", *arguments) == 0
    out = capsys.readouterr().out
    assert out.endswith("\n")
    assert parsed(out[:-1]) is not None, "there is more than the key"
    return out[:-1]


def id_of(key: str) -> str:
    found = parsed(key)
    assert found is not None
    return found[0]
