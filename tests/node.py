"""Node.js, which runs what the documents say in JavaScript; Debian and a developer's machine may lack it."""

import shutil
import subprocess

import pytest

OLDEST_NODE = 20


def why_no_node() -> str:
    """Why there is no Node.js of this age or younger; empty where there is one."""
    node = shutil.which("node")
    if node is None:
        return "node is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    old = int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE
    return f"it needs node {OLDEST_NODE}, and this is {version}" if old else ""


def need_node(for_what: str) -> None:
    """Skips the test, loudly, where there is none."""
    if why := why_no_node():
        pytest.skip(f"NOT TESTED: {for_what}; {why}")
