import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.key_file import KeyFile
from service.settings import Settings, variable
from tests.running_service import ROOT, running
from tests.service.test_image_route import until_under_way
from tests.tiny_models import MELANOMA, picture, png


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


def test_wrong_settings_end_it_with_a_line_for_each_and_no_traceback() -> None:
    ended = run("-m", "service", "--port", "http", MELANOSERVE_STROE="x", MELANOSERVE_RUNTIME="onnx")
    assert ended.returncode == 2
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("melanoserve: MELANOSERVE_") for line in lines)


def test_binding_to_every_address_needs_an_explicit_word(tmp_path: Path) -> None:
    ended = run("-m", "service", "--host", "0.0.0.0", "--store", str(tmp_path))
    assert ended.returncode == 2
    assert "MELANOSERVE_ALLOW_REMOTE_WITHOUT_KEYS" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_file_of_keys_that_is_not_there_and_a_key_that_is_taken_for_it_are_told_of(
    pristine_store: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mounted" / "keys.json"
    with running(pristine_store, tmp_path, KEYS=str(path), KEY="CANARY") as service:
        (told,) = service.events("keys_file_without_keys")
        assert (told["level"], told["file"]) == ("warning", str(path))
        (told,) = service.events("key_has_no_effect")
        assert (told["level"], told["variable"]) == ("warning", "MELANOSERVE_KEY")
        assert "MELANOSERVE_KEYS" in told["advice"]
        assert "CANARY" not in service.log
    KeyFile(tmp_path / "keys.json").add("a", ["infer"])
    with running(pristine_store, tmp_path, KEY="CANARY") as service:
        assert not service.events("key_has_no_effect")


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("-m", "service", "--port", str(port), "--store", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr == f"melanoserve: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("host", ["localhost..", "127..0.0.1", "x" * 64])
def test_a_host_that_none_can_be_is_told_in_one_line(host: str, tmp_path: Path) -> None:
    settings = ("--store", str(tmp_path), "--allow-remote-without-keys", "true")
    ended = run("-m", "service", "--host", host, "--port", "0", *settings)
    assert ended.returncode == 1
    why = "it is no address, and no name can be like that"
    assert ended.stderr == f"melanoserve: cannot listen on {host}:0: {why}\n"


def test_help_teaches_the_first_request_and_every_setting() -> None:
    assert "curl -F file=@lesion.jpg" in run("-c", "from service.cli import main; main(['--help'])").stdout
    shown = run("-m", "service", "--help", COLUMNS="200").stdout
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in shown
        assert variable(name) in shown


def test_a_stop_while_it_loads_is_a_success_too(pristine_store: Path) -> None:
    command = [sys.executable, "-m", "service", "--port", "0", "--store", str(pristine_store)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr:
        assert any('"event":"listening"' in line for line in process.stderr)
        process.terminate()
        assert process.wait(60) == 0


def test_a_request_under_way_is_finished_after_sigterm(pristine_store: Path, state: Path) -> None:
    body = png(picture(MELANOMA))
    with running(pristine_store, state) as service:
        url = service.client.base_url
        with socket.create_connection((url.host, url.port or 0), timeout=60) as connection:
            head = (
                "POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body[:1000])
            until_under_way(service)
            service.process.terminate()
            time.sleep(0.5)  # it would have ended meanwhile
            connection.sendall(body[1000:])
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert service.process.wait(60) == 0
