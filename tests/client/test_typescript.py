"""What docs/typescript.md says is done: its programs are generated, compiled and run against the real service."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from client import Client
from tests.node import need_node
from tests.running_service import ROOT, Service
from tests.tiny_models import BENIGN, MELANOMA, picture, png

DOCUMENT = (ROOT / "docs" / "typescript.md").read_text("utf-8")
LOCKED = ROOT / "tests" / "client" / "typescript"
BLOCKS: list[tuple[str, str]] = re.findall(r"```(?:js|ts)\n// (\S+)\n(.*?)```", DOCUMENT, re.DOTALL)
COMMANDS: list[str] = [
    line for block in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
]  # fmt: skip

UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED")


def run(command: str, folder: Path) -> str:
    """Runs a line of the document, and gives what it writes."""
    ended = subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def command(program: str) -> str:
    """The line of the document that begins so."""
    (line,) = (line for line in COMMANDS if line.startswith(program))
    return line


def test_the_lock_holds_what_the_document_installs_and_names_no_registry() -> None:
    wanted = json.loads((LOCKED / "package.json").read_text())
    named = dict(re.findall(r"(\S+)@(\d\S*)", "\n".join(COMMANDS)))
    assert named == wanted["dependencies"] | wanted["devDependencies"]
    lock = json.loads((LOCKED / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert all(package["integrity"] and "resolved" not in package for package in packages.values())


@pytest.fixture(scope="module")
def built(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the client was generated from what the service says of itself, and the program compiled."""
    need_node("the TypeScript client")
    if shutil.which("npm") is None:
        pytest.skip("NOT TESTED: the TypeScript client; npm is not installed")
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(LOCKED / name, folder)
    _install(folder)
    for name, text in BLOCKS:
        (folder / name).write_text(text, "utf-8")
    (folder / "openapi.json").write_bytes(service.client.get("/openapi.json").content)
    run(command("node generate.mjs"), folder)
    run(command("npx tsc"), folder)
    return folder


def _install(folder: Path) -> None:
    arguments = ["npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    ended = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode and UNREACHABLE.search(ended.stderr):
        pytest.skip("NOT TESTED: the TypeScript client; no npm registry can be reached")
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def told(built: Path, service: Service) -> dict[str, list[str]]:
    """What the program says about three files, by the first word of its lines."""
    files = {"malignant.png": png(picture(MELANOMA)), "benign.png": png(picture(BENIGN)), "notes.txt": b"no image"}
    for name, data in files.items():
        (built / name).write_bytes(data)
    program = shlex.join([*shlex.split(command("node built/ask.js"))[:2], str(service.client.base_url), *files])
    lines: dict[str, list[str]] = {}
    for line in run(program, built).splitlines():
        kind, _, rest = line.partition(" ")
        lines.setdefault(kind, []).append(rest)
    return lines


def _same(told: str, answer: Any) -> None:
    assert json.loads(told) | {"request_id": ""} == answer.model_dump(mode="json") | {"request_id": ""}


def test_its_answers_are_those_of_the_python_client(told: dict[str, list[str]], client: Client, built: Path) -> None:
    malignant, benign = built / "malignant.png", built / "benign.png"
    for line, file in zip(told["classify"], (malignant, benign), strict=False):
        answer = client.classify(file)
        assert line == f"{answer.decision}, {answer.probability:.4f}, by classifier/1"
    assert told["classify"][0].startswith("malignant")
    for line, file in zip(told["grade"], (malignant, benign), strict=False):
        _same(line, client.grade(file, breslow_mm=1.4, ulcerated=False))
    for line, file in zip(told["batch"], (malignant, benign), strict=False):
        _same(line, client.classify(file))
    models = [f"{model.name} {one.version} {one.state}" for model in client.models() for one in model.versions]
    assert told["model"] == models
    assert len(models) == 3


def test_a_problem_is_told_by_its_code(told: dict[str, list[str]], built: Path) -> None:
    for kind in ("classify", "grade", "batch"):
        assert told[kind][2].startswith("another file is needed: The bytes are not a JPEG")
        assert len(told[kind]) == 3


WRONG = {
    'case "corrupt_image"': 'case "corrupted_image"',
    "answer.probability.toFixed": "answer.probabilities.toFixed",
    "ulcerated: false": "ulcerated: 3",
    "body: image,": "body: { picture: image },",
    "files: images": "files: files",
    "told(data)": "told(error)",
    "version.state": "version.status",
}


def test_what_is_wrong_does_not_compile(built: Path) -> None:
    lines = dict(BLOCKS)["ask.ts"].splitlines()
    expected = set()
    for right, wrong in WRONG.items():
        (number,) = (number for number, line in enumerate(lines) if right in line)
        lines[number] = lines[number].replace(right, wrong)
        expected.add(number + 1)
    (built / "wrong.ts").write_text("\n".join(lines), "utf-8")
    arguments = [*shlex.split(command("npx tsc"))[:-1], "--noEmit", "wrong.ts"]
    ended = subprocess.run(arguments, cwd=built, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode != 0
    assert {int(line) for line in re.findall(r"^wrong\.ts\((\d+),", ended.stdout, re.MULTILINE)} == expected
