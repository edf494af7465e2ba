import argparse
import json
import subprocess
from pathlib import Path

import pytest

from service import doctor
from service.audit.address import Address
from service.audit.database import Database
from service.doctor import Finding, examine
from service.key_file import KeyFile
from tests.running_service import Service
from tests.service.audit.trails import entry
from tests.service.test_cli_images import COMMAND


@pytest.fixture(autouse=True)
def healthy(store: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOSERVE_STORE", str(store))
    monkeypatch.setenv("MELANOSERVE_STATE", str(state))


def _by_name(server: str | None = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(server)}


def test_a_healthy_installation(service: Service) -> None:
    found = _by_name(str(service.client.base_url))
    assert [finding.what for finding in found.values() if not finding.ok] == []
    assert set(found) >= {"Python", "packages", "machine", "settings", "classifier/1", "keys", "state"}
    assert "says of its 4 golden images what it said" in found["classifier, label stable"].found
    assert "ready" in found[str(service.client.base_url)].found


def test_a_damaged_version_is_named(store: Path) -> None:
    (store / "classifier" / "1" / "saved_model.pb").write_bytes(b"damaged")
    found = _by_name()
    assert not found["classifier/1"].ok
    assert not found["classifier, label stable"].ok
    assert "python -m model_store label classifier stable VERSION" in found["classifier, label stable"].advice
    assert found["classifier/2"].ok


def test_wrong_settings_and_a_store_without_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MELANOSERVE_STORE", str(tmp_path))
    assert "point MELANOSERVE_STORE to a store that has one" in _by_name()["models"].advice
    monkeypatch.setenv("MELANOSERVE_PROT", "8000")
    found = _by_name()
    assert "did you mean MELANOSERVE_PORT?" in found["settings"].advice
    assert "models" not in found  # what cannot be known is not guessed at


def test_the_audit_trail_is_tried_and_none_is_made(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _by_name()["audit trail"]
    assert (found.ok, found.found) == (True, f"none yet: the first start makes {state / 'audit.db'}")
    assert not (state / "audit.db").exists()
    database = Database(Address(f"sqlite:///{state / 'audit.db'}"))
    database.append([entry(1), entry(2)])
    assert _by_name()["audit trail"].found == f"{state / 'audit.db'} can be written; its last row is 2"
    database.execute("DROP TABLE audit_entry")
    database.execute("DROP TABLE audit_head")
    database.close()
    found = _by_name()["audit trail"]
    assert "OperationalError" in found.found
    assert found.advice.startswith("until it can be written images are refused")
    monkeypatch.setenv("MELANOSERVE_AUDIT", "off")
    assert _by_name()["audit trail"].ok


def test_keys_that_cannot_be_read(state: Path) -> None:
    state.mkdir()
    (state / "keys.json").write_text("{")
    assert "until then nobody is let in" in _by_name()["keys"].advice


def test_without_keys_it_vouches_for_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "it only listens where others do not reach it" in _by_name()["keys"].found
    monkeypatch.setenv("MELANOSERVE_HOST", "0.0.0.0")
    monkeypatch.setenv("MELANOSERVE_ALLOW_REMOTE_WITHOUT_KEYS", "true")
    found = _by_name()["keys"]
    assert not found.ok
    assert "others do not reach it" not in found.found
    assert "it listens on 0.0.0.0: make a key with `melanoserve keys add`" in found.advice


def test_a_file_of_keys_that_is_named_and_has_none_is_a_slip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MELANOSERVE_KEYS", str(tmp_path / "kyes.json"))
    found = _by_name()["keys"]
    assert not found.ok
    assert f"no key is in {tmp_path / 'kyes.json'}, which MELANOSERVE_KEYS names" in found.advice
    KeyFile(tmp_path / "kyes.json").add("ward 3", ["infer"])
    assert _by_name()["keys"].ok


def test_who_has_a_token_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOSERVE_HOST", "0.0.0.0")
    monkeypatch.setenv("MELANOSERVE_OIDC_ISSUER", "https://login.example.org")
    monkeypatch.setenv("MELANOSERVE_OIDC_AUDIENCE", "melanoserve")
    monkeypatch.setenv("MELANOSERVE_OIDC_JWKS", "https://login.example.org/keys")
    found = _by_name()["keys"]
    assert found.ok
    assert found.found == "none: every request needs an access token of https://login.example.org"


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MELANOSERVE_STATE", str(tmp_path / "file"))
    assert "labels cannot be moved" in _by_name()["state"].advice


def test_missing_packages_end_it_before_anything_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    found = _by_name()
    assert "no-such-package missing: install requirements/service.txt" in found["packages"].advice
    assert list(found) == ["Python", "packages"]


@pytest.mark.parametrize(
    ("url", "complaint"), [("http://127.0.0.1:9", "nothing listens"), ("nonsense", "is not the address of a service")]
)
def test_a_service_that_is_not_there(url: str, complaint: str) -> None:
    found = _by_name(url)[url]
    assert complaint in found.found
    assert "melanoserve serve" in found.advice


def test_where_nothing_can_be_written_it_says_so() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [*COMMAND, "doctor"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "melanoserve: standard output: No space left on device\n")


@pytest.mark.parametrize("as_json", [False, True])
def test_every_line_says_what_to_do(as_json: bool, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "grader" / "1" / "manifest.json").unlink()
    assert doctor.run(argparse.Namespace(server=None, json=as_json)) == 1
    lines = capsys.readouterr().out.splitlines()
    if as_json:
        assert {json.loads(line)["ok"] for line in lines} == {True, False}
    else:
        problems = [number for number, line in enumerate(lines) if line.startswith("PROBLEM")]
        assert problems
        assert all(lines[number + 1].strip().startswith("-> ") for number in problems)


@pytest.mark.parametrize("file", ["memory.max", "memory.limit_in_bytes"])
@pytest.mark.parametrize(
    ("limit", "enough"), [("500000000", False), ("800000000", True), ("9223372036854771712", True)]
)
def test_the_memory_is_that_of_the_container(
    file: str, limit: str, enough: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file).write_text(f"{limit}\n")
    monkeypatch.setattr(doctor, "MEMORY_LIMITS", (tmp_path / "none", tmp_path / file))
    found = _by_name()["machine"]
    assert found.ok == enough
    assert enough or "500 MB of memory" in found.found
