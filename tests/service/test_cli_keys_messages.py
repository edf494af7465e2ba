"""What `melanoserve keys` tells whoever does something wrong or asks for help; test_cli_keys.py has what it does."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.key_file import KeyFile, read_keys
from tests.running_service import ROOT
from tests.service.keys_command import Captured, id_of, made, melanoserve

PROGRAM = """
import argparse, sys
from service.cli_keys import register, run
parser = argparse.ArgumentParser()
register(parser.add_subparsers())
sys.exit(run(parser.parse_args()))
"""


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the keys are without --file."""
    monkeypatch.setenv("MELANOSERVE_STATE", str(tmp_path / "state"))
    return tmp_path / "state" / "keys.json"


@pytest.mark.parametrize("action", ["revoke", "rotate"])
def test_a_key_that_does_not_exist(path: Path, capsys: Captured, action: str) -> None:
    KeyFile(path).add("a", ["infer"])
    assert melanoserve("keys", action, "00000000") == 1
    assert capsys.readouterr() == ("", f"melanoserve: {path} has no key with this id.\n")


@pytest.mark.parametrize("action", ["add --name a", "list", "revoke 00000000", "rotate 00000000"])
def test_a_damaged_file_is_told_in_one_line_and_left_alone(path: Path, capsys: Captured, action: str) -> None:
    path.parent.mkdir()
    path.write_bytes(b"{")
    assert melanoserve("keys", *action.split()) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"melanoserve: {path} cannot be understood: ")
    assert len(printed.err.splitlines()) == 1
    assert path.read_bytes() == b"{"


def test_a_folder_that_cannot_be_made_is_told_in_one_line(path: Path, capsys: Captured) -> None:
    path.parent.write_text("")
    assert melanoserve("keys", "add", "--name", "a") == 1
    assert capsys.readouterr() == ("", f"melanoserve: {path.parent}: File exists.\n")


def test_a_disk_that_is_full_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, path: Path, capsys: Captured) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert melanoserve("keys", "add", "--name", "a") == 1
    assert capsys.readouterr() == ("", f"melanoserve: {path}: No space left on device.\n")
    assert not path.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["add"],
        ["add", "--name", ""],
        ["add", "--name", "a/b"],
        ["add", "--name", "a", "--scope", "all"],
        ["add", "--name", "a", "--expires-days", "0"],
        ["add", "--name", "a", "--expires-days", "1000000"],
        ["add", "--name", "a", "--expires-days", "soon"],
        ["add", "--name", "a", "--rate-per-minute", "0"],
        ["revoke"],
        ["rotate", "0f3a9c51", "--keep-hours", "-1"],
        ["rotate", "0f3a9c51", "--keep-hours", "9" * 5000],
    ],
)
def test_wrong_usage(path: Path, capsys: Captured, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        melanoserve("keys", *arguments)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize("action", ["revoke", "rotate"])
def test_a_whole_key_in_place_of_its_id_is_not_repeated(capsys: Captured, action: str) -> None:
    with pytest.raises(SystemExit):
        melanoserve("keys", action, "msk_0f3a9c51_CANARY")
    printed = capsys.readouterr()
    assert "8 characters" in printed.err
    assert "CANARY" not in printed.out + printed.err


def test_help_teaches(capsys: Captured) -> None:
    shown = {}
    for action in ("", "add", "list", "revoke", "rotate"):
        with pytest.raises(SystemExit) as caught:
            melanoserve("keys", *action.split(), "--help")
        assert caught.value.code == 0
        shown[action] = capsys.readouterr().out
    for action in ("add", "list", "revoke", "rotate"):
        assert f"melanoserve keys {action}" in shown[""]
        assert "--file" in shown[action]
    assert "curl -H" in shown[""]
    assert "0 done; 1 refused" in shown[""]
    assert "default 24" in shown["rotate"]


def test_every_example_of_the_help_runs(path: Path, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        melanoserve("keys", "--help")
    examples = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  melanoserve keys")]
    assert len(examples) >= 6
    path.parent.mkdir()
    key_id = id_of(made(capsys, "add", "--name", "a"))
    for example in examples:
        command = example.split("   ")[0].replace("0f3a9c51", key_id)
        arguments = [part for index, quoted in enumerate(command.split('"')) for part in _parts(quoted, index)]
        assert melanoserve(*arguments[1:]) == 0, command


def _parts(text: str, index: int) -> list[str]:
    """What was between quotes is one argument."""
    return [text] if index % 2 else text.split()


def started(*arguments: str, stdout: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    # As a shell starts it: what is printed waits in a buffer until somebody flushes it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True)


def test_a_key_that_could_not_be_shown_is_told(path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with started("keys", "add", "--name", "a", stdout=full) as process:
        os.close(full)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    (key_id,) = read_keys(path)
    first, second = said.splitlines()
    assert first.startswith(f"The key {key_id} could not be shown")
    assert second == "melanoserve: standard output: No space left on device."


def test_whoever_does_not_read_the_list_is_told_nothing_but_that(path: Path) -> None:
    KeyFile(path).add("a", ["infer"])
    reading, writing = os.pipe()
    os.close(reading)
    with started("keys", "list", stdout=writing) as process:
        os.close(writing)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "melanoserve: standard output: Broken pipe.\n")
