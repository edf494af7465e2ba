"""What the images are built from and what containers mount is there for whoever has a clone and nothing else."""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.running_service import ROOT

yaml: Any = pytest.importorskip("yaml")

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
LET_IN = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
COPIED = [
    source
    for given in re.findall(r"^COPY (?:--chmod=\d+ )?((?!--)\S.*)$", DOCKERFILE, re.MULTILINE)
    for source in given.split()[:-1]
]
MADE_BY_DOCKER = ("./runs", "./tls")
"""Folders that a clone has not: what training keeps, and the certificates of whoever wants TLS."""


def test_what_the_images_copy_is_not_kept_from_them() -> None:
    assert {"client", "gateway", "service", "training", "ui", "requirements/clinic.txt"} <= set(COPIED)
    for source in COPIED:
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, let) or source.startswith(f"{let}/") for let in LET_IN), f".dockerignore: {source}"


def test_each_list_of_packages_that_is_copied_is_installed_by_its_hashes() -> None:
    lists = {source for source in COPIED if source.startswith("requirements/")}
    assert "requirements/tracing.txt" in lists, "a setting of the service needs it"
    commands = [one for one in re.split(r"^(?=[A-Z])", DOCKERFILE, flags=re.MULTILINE) if " -r " in one]
    assert {name for command in commands for name in re.findall(r" -r (\S+)", command)} == lists
    assert all("--require-hashes" in command for command in commands)


def test_every_image_that_is_built_is_one_of_the_file() -> None:
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert targets == {"service", "ui", "gateway", "training"}
    assert all(re.search(rf"^FROM \S+ AS {target}$", DOCKERFILE, re.MULTILINE) for target in targets)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="NOT RUN: this is no clone")
def test_what_is_mounted_comes_with_a_clone() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume if isinstance(volume, str) else volume["source"])
            source = source.partition(":")[0]
            if source.startswith("./") and source not in MADE_BY_DOCKER:
                listed = subprocess.run(["git", "ls-files", source], cwd=ROOT, capture_output=True, check=True)
                assert listed.stdout, source


def test_training_demands_the_images_and_nothing_else() -> None:
    """A folder that is not there keeps the container from starting, also where no weights are needed."""
    bound = {
        volume["target"]: re.fullmatch(r"\$\{\w+:-(.+)\}", volume["source"])
        for volume in SERVICES["training"]["volumes"]
        if isinstance(volume, dict) and not volume["bind"]["create_host_path"]
    }
    assert bound.pop("/shared/data")
    assert bound
    for target, default in bound.items():
        assert default is not None, target
        assert Path(default[1]).is_absolute(), target
        assert Path(default[1]).exists(), target
