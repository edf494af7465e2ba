"""What the documents say with `docker compose`, which takes an engine: what they name is in docker-compose.yml."""

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from model_store import cli as store_cli
from service import cli as service_cli
from service.settings import Settings, read_settings, variable
from tests.docs.blocks import COMMANDS, blocks, documents
from tests.running_service import ROOT

yaml: Any = pytest.importorskip("yaml")

TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
PROFILES = {profile for service in SERVICES.values() for profile in service.get("profiles", [])}
COMMENT = re.compile(r"^ *# (?:\w+=\S+ )*docker compose .*$", re.MULTILINE)


IN_THE_IMAGE: dict[tuple[str, ...], Callable[[], ArgumentParser]] = {
    ("melanoserve",): service_cli._parser,
    ("python", "-m", "model_store"): store_cli._parser,
}
"""How a command in a container of the service begins."""


def said() -> Iterator[list[str]]:
    """The words of each command; the file's own comments too."""
    for document in documents():
        for block in blocks(document):
            for command in block.commands if block.language in COMMANDS else []:
                if "docker compose " in command:
                    yield shlex.split(command, comments=True)
    for comment in COMMENT.findall(TEXT):
        yield re.split(r" {3,}", comment.lstrip(" #"))[0].split()


@pytest.mark.parametrize("words", list(said()), ids=" ".join)
def test_what_a_command_names_is_there(words: list[str]) -> None:
    begin = words.index("docker")
    for given in words[:begin]:
        assert f"${{{given.partition('=')[0]}" in TEXT, "it would have no effect"
    options = words[begin + 2 :]
    while options[0] == "--profile":
        assert options[1] in PROFILES
        options = options[2:]
    verb, rest = options[0], [word for word in options[1:] if not word.startswith("-")]
    assert verb in ("up", "run", "exec")
    assert not rest or (verb != "up" and rest[0] in SERVICES)
    if verb == "exec":
        command = options[options.index(rest[0]) + 1 :]
        (named,) = [one for one in IN_THE_IMAGE if command[: len(one)] == list(one)]
        with pytest.raises(SystemExit) as ended:
            IN_THE_IMAGE[named]().parse_args([*command[len(named) :], "--help"])
        assert ended.value.code == 0


def test_every_profile_is_spoken_of() -> None:
    spoken = {word for words in said() for word in words}
    # Whoever runs a service by its name need not name its profile.
    assert spoken >= PROFILES


def test_the_file_for_other_settings_names_services_and_settings_and_those_are_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (block,) = [block for block in blocks("docs/settings.md") if block.language == "yaml"]
    before = read_settings({})
    for service, more in yaml.safe_load(block.text)["services"].items():
        assert service in SERVICES
        for name, value in more["environment"].items():
            assert f"{name}:" not in TEXT, "compose takes it by itself"
            monkeypatch.setenv(name, value)
    assert read_settings({}) != before


def test_the_settings_that_compose_takes_by_itself_are_named_as_such() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8").partition("## With docker compose")[2]
    taken = set(re.findall(r"\$\{(\w+)", TEXT)) | set(re.findall(r"^ +(MELANOSERVE_\w+):$", TEXT, re.MULTILINE))
    settings = {variable(name) for name in Settings.model_fields} & taken
    assert settings == {name for name in settings if f"`{name}`" in text or "_OIDC_" in name}
    assert len([name for name in settings if "_OIDC_" in name]) == 4
    own = {name for name in taken - settings if name.startswith("MELANOSERVE_")}
    assert own == {name for name in own if f"`{name}`" in text}
