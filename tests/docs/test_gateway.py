"""What docs/gateway.md says about a queue in which something is stuck, done where there is one."""

import shlex
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.objects import key_of
from gateway.queue import Queue
from gateway.settings import Settings
from tests.docs.blocks import blocks

COMMANDS = [
    shlex.split(command)
    for block in blocks("docs/gateway.md")
    for command in block.commands
    if " -m gateway " in command
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the gateway was started; of the images that it got, the one that the document names failed."""
    queue = Queue(tmp_path / Settings.model_fields["state"].default)
    queue.add("another", b"image")
    for uid in (word for words in COMMANDS for word in words if word.startswith("1.2.")):
        queue.add(key_of(uid), b"image")
        queue.fail(key_of(uid), "service_corrupt_image")
    queue.close()
    return tmp_path


def test_it_can_be_looked_at_and_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    told = []
    for words in COMMANDS:
        assert words[:3] == [".venv/bin/python", "-m", "gateway"]
        assert main(words[3:]) == 0
        told.append(capsys.readouterr().out)
    counted, one, retried = told
    assert [line.split()[:2] for line in counted.splitlines()[:4]] == [
        ["1", "received"], ["0", "answered"], ["0", "delivered"], ["1", "failed"],
    ]  # fmt: skip
    assert one.splitlines()[-1].split()[-1] == "service_corrupt_image"
    assert retried == "1 go on.\n"
