"""Node.js, which runs what the documents say in JavaScript; Debian and a developer's machine may lack it."""

import shutil
import subprocess

import pytest

OLDEST_NODE = 20


def need_node(for_what: str) -> None:
    """Skips the test, loudly, where there is no Node.js of this age or younger."""
    node = shutil.which("node")
    if node is None:
        pytest.skip(f"NOT TESTED: {for_what}; node is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"NOT TESTED: {for_what}; it needs node {OLDEST_NODE}, and this is {version}")
