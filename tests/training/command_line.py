"""The command line of the training side, as tests use it."""

import pytest

from training.cli import main


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence that a command which fails leaves on stderr, beside progress bars."""
    assert main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    (line,) = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    return line.removeprefix("error: ")
