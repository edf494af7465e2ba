"""The profile `tunnel` of docker-compose.yml. Its image cannot be had here: its script runs with an ngrok of ours."""

import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.running_service import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SCRIPT = re.findall(r"^  tunnel:\n.*?^      - \|\n(.*?)^    \w", COMPOSE, re.MULTILINE | re.DOTALL)


def _run(folder: Path, password: str) -> subprocess.CompletedProcess[str]:
    ngrok = folder / "ngrok"
    ngrok.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    ngrok.chmod(0o755)
    (script,) = SCRIPT
    command = ["/bin/sh", "-c", textwrap.dedent(script).replace("$$", "$")]
    variables = {"PATH": f"{folder}:/usr/bin:/bin", "PASSWORD": password}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("password", ["", "short", "eleven chars"[:11]])
def test_there_is_no_tunnel_without_a_password(tmp_path: Path, password: str) -> None:
    ended = _run(tmp_path, password)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "set MELANOSERVE_TUNNEL_PASSWORD" in ended.stderr


def test_the_page_is_behind_it(tmp_path: Path) -> None:
    ended = _run(tmp_path, "a pass'phrase of ours")
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == [
        "http", "--basic-auth", "clinic:a pass'phrase of ours", "--log", "stdout", "http://ui:8501",
    ]  # fmt: skip
