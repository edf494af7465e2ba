import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.key_file import (
    LONGEST,
    Issued,
    KeyFile,
    Scope,
    StoredKey,
    UnknownKey,
    UnreadableKeyFile,
    hashed,
    parsed,
    read_keys,
)

NOBODY_S_ID = "00000000"
HASH = "0" * 64
GOOD: dict[str, Any] = {"name": "x", "sha256": HASH, "scopes": ["infer"], "created": "2026-01-01T00:00:00Z"}


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "state" / "keys.json")


def write(path: Path, content: object) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def secret_of(issued: Issued) -> str:
    found = parsed(issued.text)
    assert found is not None
    assert found[0] == issued.id
    return found[1]


def test_a_key_has_a_public_id_and_a_secret_of_32_bytes(file: KeyFile) -> None:
    issued = [file.add("Clinic", ["infer"]) for _ in range(5)]
    assert len({key.id for key in issued}) == 5
    assert len({secret_of(key) for key in issued}) == 5
    for key in issued:
        assert key.text.startswith(f"msk_{key.id}_")
        assert len(secret_of(key)) * 6 >= 256


def test_the_file_has_the_hash_of_the_secret_and_not_the_secret(file: KeyFile) -> None:
    issued = file.add("Clinic A_1.2-3", ["admin"], lifetime=timedelta(days=2), rate_per_minute=7)
    secret = secret_of(issued)
    text = file.path.read_text()
    assert secret not in text
    (entry,) = json.loads(text).values()
    assert entry["sha256"] == hashlib.sha256(secret.encode()).hexdigest() == hashed(secret)
    assert (entry["name"], entry["scopes"], entry["rate_per_minute"]) == ("Clinic A_1.2-3", ["admin"], 7)
    created, expires = datetime.fromisoformat(entry["created"]), datetime.fromisoformat(entry["expires"])
    assert expires - created == timedelta(days=2)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert read_keys(file.path) == {issued.id: issued.stored}


def test_nothing_that_is_printed_by_mistake_shows_a_secret_or_a_hash(file: KeyFile) -> None:
    first = file.add("Clinic", ["infer"])
    issued = file.rotate(first.id, keep=timedelta(hours=1))
    shown = repr([issued, issued.stored, issued.stored.previous, file, read_keys(file.path)])
    for hidden in (secret_of(first), secret_of(issued), hashed(secret_of(first)), hashed(secret_of(issued))):
        assert hidden not in shown


@pytest.mark.parametrize(
    "text",
    [
        "", "msk_", "msk__", "msk_0f3a9c51", "msk_0f3a9c51_", f"msk_0f3a9c51_{'a' * 42}", f"msk_0f3a9c51_{'a' * 44}",
        f"MSK_0f3a9c51_{'a' * 43}", f"msk_0F3A9C51_{'a' * 43}", f"msk_0f3a9c5_{'a' * 43}", f"msk_0f3a9c51_{'a' * 42}é",
        f" msk_0f3a9c51_{'a' * 43}", f"msk_0f3a9c51_{'a' * 43}\n",
    ],
)  # fmt: skip
def test_what_cannot_be_a_key(text: str) -> None:
    assert parsed(text) is None


def test_only_its_owner_may_read_it_whatever_the_umask(file: KeyFile) -> None:
    before = os.umask(0)
    try:
        issued = file.add("a", ["infer"])
        assert file.path.stat().st_mode & 0o777 == 0o600
        file.path.chmod(0o644)
        file.rotate(issued.id, keep=timedelta(0))
        assert file.path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_whoever_owns_the_folder(file: KeyFile) -> None:
    file.path.parent.mkdir()
    os.chown(file.path.parent, 1000, 1001)
    file.add("a", ["infer"])
    found = file.path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1000, 1001, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_leaves_a_file_to_whom_it_belongs_also_in_a_folder_of_roots(file: KeyFile) -> None:
    """As in /etc: a service that could not read it any more would let nobody in."""
    kept = file.add("first", ["infer"])
    os.chown(file.path, 1000, 1001)
    for change in (lambda: file.add("second", ["infer"]), lambda: file.revoke(kept.id)):
        change()
        found = file.path.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1000, 1001, 0o600)


@pytest.mark.parametrize("name", ["", " a", "a" * 65, "a\n", "a/b", "<b>", "Jürgen", 'a"b', "a\x00"])
def test_a_name_is_what_can_go_into_a_log(file: KeyFile, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        file.add(name, ["infer"])
    assert not file.path.exists()


@pytest.mark.parametrize(("scopes", "rate"), [([], None), (["root"], None), (["infer"], 0), (["infer"], -1)])
def test_scopes_and_rate_must_make_sense(file: KeyFile, scopes: list[Scope], rate: int | None) -> None:
    with pytest.raises(ValueError, match=r"scopes|rate_per_minute"):
        file.add("a", scopes, rate_per_minute=rate)
    assert not file.path.exists()


def test_scopes_are_kept_once_and_in_order(file: KeyFile) -> None:
    assert file.add("a", ["admin", "infer", "admin"]).stored.scopes == ("infer", "admin")


def test_an_id_is_given_once(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = file.add("a", ["infer"]).id
    made = iter([taken, taken, "abcdef01", "partial"])
    monkeypatch.setattr("service.key_file.secrets.token_hex", lambda _: next(made))
    assert file.add("b", ["infer"]).id == "abcdef01"
    assert read_keys(file.path).keys() == {taken, "abcdef01"}


def test_a_rotation_changes_the_secret_and_nothing_else(file: KeyFile) -> None:
    other = file.add("other", ["infer"])
    before = file.add("Clinic", ["infer", "admin"], rate_per_minute=7)
    after = file.rotate(before.id, keep=timedelta(hours=3))
    assert secret_of(after) != secret_of(before)
    assert after.stored.sha256 == hashed(secret_of(after))
    changed = {"sha256", "created", "previous"}
    assert after.stored.model_dump(exclude=changed) == before.stored.model_dump(exclude=changed)
    previous = after.stored.previous
    assert previous is not None
    assert previous.sha256 == before.stored.sha256
    assert previous.expires - after.stored.created == timedelta(hours=3)
    assert read_keys(file.path) == {other.id: other.stored, before.id: after.stored}


def test_a_rotation_that_keeps_nothing_forgets_the_old_secret_at_once(file: KeyFile) -> None:
    before = file.add("Clinic", ["infer"])
    file.rotate(before.id, keep=timedelta(hours=3))
    assert file.rotate(before.id, keep=timedelta(0)).stored.previous is None
    assert before.stored.sha256 not in file.path.read_text()


def test_a_key_that_expires_is_valid_for_as_long_as_before_and_its_old_secret_not_for_longer(file: KeyFile) -> None:
    stored = GOOD | {"expires": "2026-01-11T00:00:00Z"}
    file.path.parent.mkdir()
    write(file.path, {"0f3a9c51": stored})
    after = file.rotate("0f3a9c51", keep=timedelta(hours=1)).stored
    assert after.expires is not None
    assert after.expires - after.created == timedelta(days=10)
    assert after.previous is not None
    assert after.previous.expires == datetime(2026, 1, 11, tzinfo=UTC)


def test_the_end_of_the_calendar_is_no_obstacle(file: KeyFile) -> None:
    file.path.parent.mkdir()
    write(file.path, {"0f3a9c51": GOOD | {"expires": "9999-12-31T23:59:59-05:00"}})
    after = file.rotate("0f3a9c51", keep=timedelta.max).stored
    assert after.expires == after.created + LONGEST
    assert file.add("a", ["infer"], lifetime=timedelta.max).stored.expires is not None


def test_a_revoked_key_is_gone(file: KeyFile) -> None:
    first, second = file.add("a", ["infer"]), file.add("b", ["infer"])
    assert file.revoke(first.id) == first.stored
    assert read_keys(file.path) == {second.id: second.stored}
    assert file.revoke(second.id) == second.stored
    assert read_keys(file.path) == {}


CHANGES: list[Callable[[KeyFile], object]] = [
    lambda file: file.add("a", ["infer"]),
    lambda file: file.rotate(NOBODY_S_ID, keep=timedelta(0)),
    lambda file: file.revoke(NOBODY_S_ID),
]


@pytest.mark.parametrize("change", CHANGES[1:])
def test_a_key_that_does_not_exist_cannot_be_changed(file: KeyFile, change: Callable[[KeyFile], object]) -> None:
    file.add("a", ["infer"])
    before = file.path.read_bytes()
    with pytest.raises(UnknownKey):
        change(file)
    assert file.path.read_bytes() == before


@pytest.mark.parametrize("change", CHANGES)
def test_a_damaged_file_is_not_written_over(file: KeyFile, change: Callable[[KeyFile], object]) -> None:
    file.path.parent.mkdir()
    write(file.path, b"{")
    with pytest.raises(UnreadableKeyFile):
        change(file)
    assert list(file.path.parent.iterdir()) == [file.path]
    assert file.path.read_bytes() == b"{"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.add("a", ["infer"])
    before = file.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.key_file.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.add("b", ["infer"])
    assert list(file.path.parent.iterdir()) == [file.path]
    assert file.path.read_bytes() == before


def test_changes_at_the_same_time_are_all_made(file: KeyFile) -> None:
    rotated = file.add("rotated", ["infer"])
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda number: KeyFile(file.path).add(f"n{number}", ["infer"]), range(32)))
        list(pool.map(lambda issued: KeyFile(file.path).revoke(issued.id), added[:16]))
        list(pool.map(lambda _: KeyFile(file.path).rotate(rotated.id, keep=timedelta(1)), range(8)))
    assert read_keys(file.path).keys() == {rotated.id, *(issued.id for issued in added[16:])}
    assert list(file.path.parent.iterdir()) == [file.path]


def test_no_file_is_no_key(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "none" / "keys.json") == {}


def test_a_link_to_the_file_is_followed(file: KeyFile, tmp_path: Path) -> None:
    issued = file.add("a", ["infer"])
    link = tmp_path / "link.json"
    link.symlink_to(file.path)
    assert read_keys(link) == {issued.id: issued.stored}


@pytest.mark.parametrize(
    "change",
    [
        lambda file, key_id: file.add("b", ["infer"]),
        lambda file, key_id: file.rotate(key_id, keep=timedelta(0)),
        lambda file, key_id: file.revoke(key_id),
    ],
)
def test_a_change_through_a_link_changes_what_the_service_reads(
    file: KeyFile, tmp_path: Path, change: Callable[[KeyFile, str], object]
) -> None:
    issued = file.add("a", ["infer"])
    (tmp_path / "folder").symlink_to(file.path.parent)
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "folder" / file.path.name)
    change(KeyFile(link), issued.id)
    assert link.is_symlink()
    assert read_keys(file.path) == read_keys(link) != {issued.id: issued.stored}
    assert list(file.path.parent.iterdir()) == [file.path]


def test_a_link_that_leads_nowhere_yet_may_lead_to_the_first_key(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "mounted" / "keys.json")
    issued = KeyFile(link).add("a", ["infer"])
    assert read_keys(tmp_path / "mounted" / "keys.json") == {issued.id: issued.stored}


GOOD_TEXT = json.dumps(GOOD)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'{{"0f3a9c51": {GOOD_TEXT}, "0f3a9c51": {json.dumps(GOOD | {"scopes": ["admin"]})}}}', "0f3a9c51"),
        (rf'{{"\u0030f3a9c51": {GOOD_TEXT}, "0f3a9c51": {GOOD_TEXT}}}', "0f3a9c51"),
        (f'{{"0f3a9c51": {{"scopes": ["admin"], {GOOD_TEXT[1:]}}}', "scopes"),
    ],
)
def test_what_stands_there_twice_does_not_count_once(tmp_path: Path, content: str, said: str) -> None:
    path = write(tmp_path / "keys.json", content.encode())
    with pytest.raises(UnreadableKeyFile) as caught:
        read_keys(path)
    assert str(caught.value) == f"{path} cannot be understood: {said} stands there twice."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe\x00", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        ([], "Input should be an object"),
        ({"0f3a9c51": None}, "0f3a9c51: "),
        ({"0F3A9C51": GOOD}, "match pattern"),
        ({"0f3a9c51": GOOD | {"secret": "x"}}, "0f3a9c51: Extra inputs"),
        ({"0f3a9c51": GOOD | {"sha256": "x"}}, "0f3a9c51 sha256: String should match"),
        ({"0f3a9c51": GOOD | {"scopes": []}}, "0f3a9c51 scopes: "),
        ({"0f3a9c51": GOOD | {"scopes": ["all"]}}, "'infer', 'admin' or 'audit'"),
        ({"0f3a9c51": GOOD | {"created": "2026-01-01T00:00:00"}}, "0f3a9c51 created: Input should have timezone info"),
        ({"0f3a9c51": GOOD | {"expires": "soon"}}, "0f3a9c51 expires: "),
        ({"0f3a9c51": GOOD | {"rate_per_minute": 0}}, "0f3a9c51 rate_per_minute: "),
        ({"0f3a9c51": GOOD | {"previous": {"sha256": HASH}}}, "0f3a9c51 previous expires: Field required"),
    ],
)
def test_a_damaged_file_is_refused_and_the_place_is_named(tmp_path: Path, content: object, said: str) -> None:
    path = write(tmp_path / "keys.json", content)
    with pytest.raises(UnreadableKeyFile) as caught:
        read_keys(path)
    assert str(caught.value).startswith(f"{path} cannot be understood: ")
    assert said in str(caught.value)


def test_the_good_entry_that_they_were_made_from_is_good(tmp_path: Path) -> None:
    assert read_keys(write(tmp_path / "keys.json", {"0f3a9c51": GOOD})) == {"0f3a9c51": StoredKey(**GOOD)}


@pytest.mark.parametrize(
    "content",
    [
        {"msk_0f3a9c51_CANARY": GOOD},
        {"0f3a9c51": GOOD | {"sha256": "CANARY"}},
        {"0f3a9c51": GOOD | {"CANARY": "CANARY"}},
        b'{"0f3a9c51": {"CANARY": 1, "CANARY": 2}, ' + json.dumps({"0f3a9c51": GOOD}).encode()[1:],
        {"0f3a9c51": GOOD | {"scopes": ["CANARY"]}},
        b'{"0f3a9c51": CANARY',
    ],
)
def test_what_was_pasted_into_it_by_mistake_is_not_repeated(tmp_path: Path, content: object) -> None:
    with pytest.raises(UnreadableKeyFile) as caught:
        read_keys(write(tmp_path / "keys.json", content))
    assert "CANARY" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableKeyFile, match="Is a directory"):
        read_keys(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UnreadableKeyFile, match="symbolic links"):
        read_keys(tmp_path / "loop")
