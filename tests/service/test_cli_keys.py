import json
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from service.access_problems import KeyExpired, Unauthorized
from service.key_file import read_keys
from service.keys import KeyRing
from service.settings import read_settings
from tests.service.keys_command import Captured, id_of, made, melanoserve


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the keys are without --file."""
    monkeypatch.setenv("MELANOSERVE_STATE", str(tmp_path / "state"))
    return tmp_path / "state" / "keys.json"


def secret_of(key: str) -> str:
    return key.removeprefix(f"msk_{id_of(key)}_")


def headers(key: str) -> Headers:
    return Headers({"X-API-Key": key})


def test_add_prints_the_key_once_and_explains_it_elsewhere(path: Path, capsys: Captured) -> None:
    assert melanoserve("keys", "add", "--name", "PACS gateway") == 0
    printed = capsys.readouterr()
    key = printed.out.strip()
    assert printed.out == f"{key}\n"
    assert id_of(key) in printed.err
    assert "PACS gateway (infer)" in printed.err
    assert str(path) in printed.err
    assert "only this once" in printed.err
    assert secret_of(key) not in printed.err
    assert KeyRing(path).authorise(headers(key), "infer").name == "PACS gateway"


def test_add_takes_scopes_expiry_and_rate(path: Path, capsys: Captured) -> None:
    options = ["--scope", "admin", "--scope", "infer", "--expires-days", "90", "--rate-per-minute", "60"]
    key_id = id_of(made(capsys, "add", "--name", "Study", *options))
    stored = read_keys(path)[key_id]
    assert stored.scopes == ("infer", "admin")
    assert stored.rate_per_minute == 60
    assert stored.expires is not None
    assert stored.expires - stored.created == timedelta(days=90)


def test_an_admin_key_is_for_nothing_else(path: Path, capsys: Captured) -> None:
    key_id = id_of(made(capsys, "add", "--name", "Operator", "--scope", "admin"))
    assert read_keys(path)[key_id].scopes == ("admin",)


def test_file_names_another_file(path: Path, tmp_path: Path, capsys: Captured) -> None:
    other = tmp_path / "other.json"
    key_id = id_of(made(capsys, "add", "--name", "a", "--file", str(other)))
    assert read_keys(other).keys() == {key_id}
    assert not path.exists()


def test_the_file_is_the_one_that_the_service_reads(
    monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("MELANOSERVE_STORE", str(tmp_path))
    assert read_settings({}).key_file == path
    assert melanoserve("keys", "add", "--name", "a") == 0
    assert len(read_keys(path)) == 1
    other = tmp_path / "mounted" / "clinic.json"
    monkeypatch.setenv("MELANOSERVE_KEYS", str(other))
    assert read_settings({}).key_file == other
    assert melanoserve("keys", "add", "--name", "b") == 0
    assert len(read_keys(other)) == 1


def test_a_mistake_in_another_setting_does_not_matter(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("MELANOSERVE_PORT", "http")
    monkeypatch.setenv("MELANOSERVE_HOST", "0.0.0.0")
    monkeypatch.setenv("MELANOSERVE_NONSENSE", "1")
    assert melanoserve("keys", "add", "--name", "a") == 0
    assert len(read_keys(path)) == 1


def test_without_the_variable_it_is_the_state_folder_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: Path
) -> None:
    monkeypatch.delenv("MELANOSERVE_STATE")
    monkeypatch.chdir(tmp_path)
    path.parent.mkdir()
    assert melanoserve("keys", "add", "--name", "a") == 0
    assert len(read_keys(tmp_path / "state" / "keys.json")) == 1


def test_list_shows_everything_but_secrets(path: Path, capsys: Captured) -> None:
    first = made(capsys, "add", "--name", "PACS gateway", "--rate-per-minute", "60")
    second = made(capsys, "add", "--name", "Operator", "--scope", "admin", "--expires-days", "3")
    rotated = made(capsys, "rotate", id_of(first))
    file = json.loads(path.read_text())
    file[id_of(second)]["expires"] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(file))
    assert melanoserve("keys", "list") == 0
    printed = capsys.readouterr()
    heading, gateway, operator = printed.out.splitlines()
    assert heading.split()[:5] == ["ID", "NAME", "SCOPES", "CREATED", "EXPIRES"]
    assert gateway.startswith(f"{id_of(first)}  PACS gateway  infer ")
    assert " 60 " in gateway
    assert gateway.endswith(" UTC"), "the old secret's end"
    assert operator.startswith(f"{id_of(second)}  Operator      admin ")
    assert operator.endswith("2020-01-01 00:00:00 UTC (expired)")
    hidden = [secret_of(key) for key in (first, second, rotated)]
    hidden += [stored.sha256 for stored in read_keys(path).values()]
    assert not any(text in printed.out for text in hidden)
    assert printed.err == ""


def test_list_of_nothing(path: Path, capsys: Captured) -> None:
    assert melanoserve("keys", "list") == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{path} has no key.\n")


def test_rotate_keeps_the_old_secret_for_a_day_unless_told_otherwise(path: Path, capsys: Captured) -> None:
    old = made(capsys, "add", "--name", "a")
    new = made(capsys, "rotate", id_of(old))
    stored = read_keys(path)[id_of(old)]
    assert stored.previous is not None
    assert stored.previous.expires - stored.created == timedelta(hours=24)
    ring = KeyRing(path, look_every=0)
    assert ring.authorise(headers(old), "infer") == ring.authorise(headers(new), "infer")
    newest = made(capsys, "rotate", id_of(old), "--keep-hours", "2")
    stored = read_keys(path)[id_of(old)]
    assert stored.previous is not None
    assert stored.previous.expires - stored.created == timedelta(hours=2)
    with pytest.raises(Unauthorized):
        ring.authorise(headers(old), "infer")
    assert ring.authorise(headers(newest), "infer").id == id_of(old)


def test_rotate_says_until_when_the_old_secret_is_valid(path: Path, capsys: Captured) -> None:
    key_id = id_of(made(capsys, "add", "--name", "a"))
    melanoserve("keys", "rotate", key_id)
    assert "old secret is valid until 20" in capsys.readouterr().err
    melanoserve("keys", "rotate", key_id, "--keep-hours", "0")
    assert "old secret ends at once" in capsys.readouterr().err
    assert read_keys(path)[key_id].previous is None


def test_an_expired_key_comes_back_by_rotation(path: Path, capsys: Captured) -> None:
    old = made(capsys, "add", "--name", "a", "--expires-days", "1")
    file = json.loads(path.read_text())
    file[id_of(old)] |= {"created": "2020-01-01T00:00:00Z", "expires": "2020-01-02T00:00:00Z"}
    path.write_text(json.dumps(file))
    new = made(capsys, "rotate", id_of(old))
    ring = KeyRing(path)
    assert ring.authorise(headers(new), "infer").id == id_of(old)
    with pytest.raises(KeyExpired):
        ring.authorise(headers(old), "infer")


def test_revoke_ends_a_key_and_says_when_it_was_the_last(path: Path, capsys: Captured) -> None:
    first, second = made(capsys, "add", "--name", "a"), made(capsys, "add", "--name", "b")
    assert melanoserve("keys", "revoke", id_of(first)) == 0
    assert capsys.readouterr() == ("", f"The key {id_of(first)} of a is revoked.\n")
    assert read_keys(path).keys() == {id_of(second)}
    assert melanoserve("keys", "revoke", id_of(second)) == 0
    assert "no key any more" in capsys.readouterr().err
    assert read_keys(path) == {}
