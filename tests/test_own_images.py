"""docs/own-images.md, followed to the letter with rendered images and less patience."""

import io
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from PIL import Image

from dermoscopy.render import render_lesion
from model_store import cli as store_cli
from tests.running_service import ROOT, running
from tests.training.quick import hurry
from training import cli as training_cli

COMMANDS = [
    line
    for block in re.findall(
        r"^```sh\n(.*?)^```", (ROOT / "docs" / "own-images.md").read_text(), re.MULTILINE | re.DOTALL
    )
    for line in block.splitlines()
    if line.startswith(".venv/")
]
"""Those that are ours; the others take Docker and a running service."""

NEXT = 1 + max(int(folder.name) for folder in (ROOT / "model_store" / "models" / "classifier").iterdir())
"""The version that is published after those that come with the repository."""


def _paint(clinic: Path) -> None:
    for number in range(150):
        malignant = number % 2 == 0
        path = clinic / ("melanoma" if malignant else "nevus") / f"{number + 1:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(render_lesion(number, side=96, malignancy=0.9 if malignant else 0.1)).save(path, quality=90)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder in which every command was given, and what they printed."""
    folder = tmp_path_factory.mktemp("clinic")
    _paint(folder / "my-data" / "my-clinic")
    shutil.copytree(ROOT / "model_store" / "models", folder / "model_store" / "models")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as output:
        patch.chdir(folder)
        hurry(patch)
        for command in COMMANDS:
            words = shlex.split(command.replace("224:4", "44:1 --epoch-size 64"))
            assert words[:2] == [".venv/bin/python", "-m"]
            main = {"training": training_cli.main, "model_store": store_cli.main}[words[2]]
            assert main(words[3:]) == 0, command
        yield folder, output.getvalue()


def test_it_has_the_steps_that_it_promises() -> None:
    assert [command.split()[2:4] for command in COMMANDS] == [
        ["training", "data"], ["training", "data"], ["training", "data"], ["training", "classifier"],
        ["model_store", "show"], ["training", "evaluate"], ["model_store", "label"],
    ]  # fmt: skip


def test_it_goes_on_from_the_last_version_and_names_the_next() -> None:
    given = "\n".join(COMMANDS)
    assert f"--from classifier/{NEXT - 1} " in given
    assert f"--version classifier/{NEXT}\n" in f"{given}\n"
    assert f"show classifier {NEXT}\n" in given
    assert given.endswith(f"label classifier stable {NEXT}")


def test_a_fifth_is_held_out_and_nothing_leaks(followed: tuple[Path, str]) -> None:
    counts = re.search(r"^my-clinic +(\d+) +(\d+) +(\d+) +0 +0 +\d+$", followed[1], re.MULTILINE)
    assert counts is not None
    assert sum(map(int, counts.groups())) == 150
    assert 15 <= int(counts[3]) <= 45
    assert "held out at once, after the split: 0." in followed[1]
    assert "|my-clinic|" in followed[1]


def test_the_version_is_published_measured_and_served(followed: tuple[Path, str]) -> None:
    folder, printed = followed
    assert f"published classifier/{NEXT}" in printed
    assert "held-out images of my-clinic" in printed
    with running(folder / "model_store" / "models", folder / "state") as service:
        image = (folder / "my-data" / "my-clinic" / "melanoma" / "0001.jpg").read_bytes()
        answer = service.client.post("/classify", files={"file": image}).json()
        assert answer["model"]["version"] == NEXT
        assert answer["operating_point"]["measured_on"].startswith("held-out images of my-clinic")
