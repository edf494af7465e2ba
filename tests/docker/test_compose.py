"""What the service writes in a container lies on volumes of its own: what can be checked where no engine is."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from model_store.compiled import CompiledModels
from service.audit.address import Address
from service.loading import COMPILED
from service.settings import Settings
from tests.client.recorder import recording_proxy
from tests.client.unreliable import answer, unreliable
from tests.running_service import ROOT

yaml: Any = pytest.importorskip("yaml")

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICE: dict[str, Any] = COMPOSE["services"]["service"]
HOME = PurePosixPath("/app")
STATE = HOME / Settings.model_fields["state"].default
VOLUMES = {PurePosixPath(place): source for source, place, *_ in (one.split(":") for one in SERVICE["volumes"])}
STRANGER = 1234


@pytest.fixture
def image() -> Iterator[Path]:
    """The folders that Dockerfile makes for the service, made by its own command."""
    text = (ROOT / "Dockerfile").read_text()
    stage = re.search(r"^FROM python AS service\n(.*?)^FROM ", text, re.DOTALL | re.MULTILINE)
    assert stage is not None
    assert f"WORKDIR {HOME}\n" in text
    (command,) = re.findall(r"^RUN (mkdir .*)$", stage[1], re.MULTILINE)
    # Not pytest's own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        subprocess.run(["sh", "-c", f"umask 022; {command}"], cwd=folder, check=True)
        yield Path(folder)


@contextmanager
def stranger() -> Iterator[None]:
    """The test as a user who owns nothing here, as MELANOSERVE_UID may name one."""
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)


def test_compiled_models_are_on_a_volume_that_outlives_the_container() -> None:
    assert VOLUMES[STATE / COMPILED] == "compiled"
    assert "compiled" in COMPOSE["volumes"]
    assert f"compiled:{STATE / COMPILED}" in SERVICE["volumes"], "it must not be read-only"


def test_so_is_the_audit_trail() -> None:
    file = Address(SERVICE["environment"]["MELANOSERVE_AUDIT_URL"]).file
    assert file is not None
    assert VOLUMES[PurePosixPath(file).parent] == "audit"
    assert "audit" in COMPOSE["volumes"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="NOT RUN: this is no clone")
def test_the_state_folder_comes_with_a_clone_and_nothing_of_it_with_a_commit() -> None:
    """What Docker has to make, as a folder to mount, belongs to root."""
    for folder in (ROOT / STATE.relative_to(HOME), ROOT / STATE.relative_to(HOME) / COMPILED):
        listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True)
        assert listed.stdout
        ignored = subprocess.run(["git", "check-ignore", "-q", folder / "keys.json"], cwd=ROOT, check=False)
        assert ignored.returncode == 0


def test_nothing_else_could_be_written_and_no_setting_moves_what_is() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["tmpfs"] == ["/tmp"]
    assert "MELANOSERVE_STATE" not in SERVICE["environment"]


def test_a_volume_that_is_new_begins_as_a_folder_that_anybody_may_write_to(image: Path) -> None:
    named = [place for place, source in VOLUMES.items() if not source.startswith(".")]
    assert len(named) == 2
    for place in named:
        assert (image / place.relative_to(HOME)).stat().st_mode & 0o7777 == 0o1777, place


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: another user than the image's; only root can become one")
def test_whoever_the_service_runs_as_keeps_compiled_models_although_the_state_is_not_theirs(image: Path) -> None:
    folder = image / (STATE / COMPILED).relative_to(HOME)
    with stranger():
        with pytest.raises(PermissionError):
            (folder.parent / "other").mkdir()
        CompiledModels(folder, "digest").write("cpu", b"compiled")
        assert CompiledModels(folder, "digest").read("cpu") == b"compiled"


def test_no_log_grows_for_ever() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}, name


@pytest.mark.parametrize(
    ("address", "without_keys", "starts"),
    [("127.0.0.1", "true", True), ("0.0.0.0", "true", False), ("0.0.0.0", "false", True), ("192.0.2.7", "", False)],
)
def test_others_reach_tls_only_where_keys_are_demanded(
    tmp_path: Path, address: str, without_keys: str, starts: bool
) -> None:
    (shell, *options) = COMPOSE["services"]["tls"]["entrypoint"]
    (tmp_path / "nginx").write_text('#!/bin/sh\necho started "$@"\n')
    (tmp_path / "nginx").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "ADDRESS": address, "WITHOUT_KEYS": without_keys}
    command = [shell, *(option.replace("$$", "$") for option in options)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == starts
    assert ("started -c /etc/nginx/melanoserve.conf" in done.stdout) == starts
    assert ("MELANOSERVE_ALLOW_REMOTE_WITHOUT_KEYS=false" in done.stderr) != starts


@pytest.mark.parametrize("name", ["service", "ui"])
def test_a_health_check_asks_no_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, code = COMPOSE["services"][name]["healthcheck"]["test"]
    address = re.search(r"http://[^\"]+", code)
    assert address is not None
    with recording_proxy(monkeypatch) as got, unreliable(answer(200, {}), answer(503, {})) as server:
        check = [sys.executable, "-c", code.replace(address[0], server.url)]
        assert [subprocess.run(check, capture_output=True, check=False).returncode for _ in range(2)] == [0, 1]
        assert (server.requests, got) == (2, [])


def test_the_image_has_the_command_wherever_it_is_called(tmp_path: Path) -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "\nENV PATH=/venv/bin:$PATH" in text
    assert "\nCOPY --chmod=755 docker/melanoserve /venv/bin/\n" in text
    command = tmp_path / "melanoserve"
    script = (ROOT / "docker" / "melanoserve").read_text()
    assert f"PYTHONPATH={HOME} " in script
    command.write_text(script.replace(str(HOME), str(ROOT)))
    command.chmod(0o755)
    paths = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": paths, "MELANOSERVE_STATE": str(tmp_path)}
    environment.pop("PYTHONPATH", None)
    for words in (["keys", "add", "--name", "ward 3"], ["audit", "verify", "--help"]):
        ended = subprocess.run(
            ["melanoserve", *words], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "keys.json").is_file()


def test_it_is_built_where_openvino_has_no_plugins_for_gpu_and_npu(tmp_path: Path) -> None:
    (command,) = re.findall(r"^    && (rm (?:.*\\\n)*.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    (tmp_path / "cache.json").touch()
    command = command.replace("/venv/lib/python3.11/site-packages/openvino/libs", str(tmp_path))
    subprocess.run(["sh", "-c", command], check=True)
    assert list(tmp_path.iterdir()) == []


def test_reports_are_dated_where_the_clinic_is_and_in_utc_where_nobody_says() -> None:
    assert SERVICE["environment"]["TZ"] == COMPOSE["services"]["gateway"]["environment"]["TZ"] == "${TZ:-}"
    told = "import datetime; print(datetime.datetime.now().astimezone().utcoffset())"
    for zone, offset in (("", "0:00:00"), ("Asia/Kolkata", "5:30:00")):
        command = [sys.executable, "-c", told]
        assert subprocess.check_output(command, env=os.environ | {"TZ": zone}, text=True).strip() == offset


def test_nginx_is_started_anew_with_the_service_whose_address_it_looks_up_once() -> None:
    assert COMPOSE["services"]["tls"]["depends_on"]["service"]["restart"] is True
