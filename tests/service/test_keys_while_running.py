"""What happens to the file of the keys while the service runs; test_keys.py has who may come in."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from service import keys
from service.access_problems import InsufficientScope, KeysUnreadable, Unauthorized
from service.key_file import KeyFile
from service.keys import INVALID_KEY, NO_KEY, KeyRing
from tests.service.test_keys import another_secret, bearer, logged, refused


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def ring(file: KeyFile) -> KeyRing:
    """Looks at the file on every call, so that tests need not wait."""
    return KeyRing(file.path, look_every=0)


def test_a_revoked_key_is_refused_within_a_second_and_without_a_restart(file: KeyFile) -> None:
    ring = KeyRing(file.path)
    kept, issued = file.add("a", ["infer"]), file.add("b", ["infer"])
    assert ring.authorise(bearer(issued), "infer").id == issued.id
    file.revoke(issued.id)
    time.sleep(keys.LOOK_EVERY)
    assert refused(ring, issued).detail == INVALID_KEY
    assert ring.authorise(bearer(kept), "infer").id == kept.id


def test_the_file_is_looked_at_once_in_a_while_only(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = file.add("a", ["infer"])
    looks: list[Path] = []
    look = keys._signature

    def counted(path: Path) -> tuple[int, ...] | None:
        looks.append(path)
        return look(path)

    monkeypatch.setattr(keys, "_signature", counted)
    ring = KeyRing(file.path, look_every=3600)
    for _ in range(1000):
        assert ring.configured
        ring.authorise(bearer(issued), "infer")
    assert looks == [file.path]


def test_a_file_that_did_not_change_is_not_read_again(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = file.add("a", ["infer"])
    monkeypatch.setattr(keys, "_SETTLED_AFTER_NS", 0)
    ring = KeyRing(file.path, look_every=0)
    ring.authorise(bearer(issued), "infer")
    monkeypatch.setattr(keys, "read_keys", lambda path: pytest.fail("it is read again"))
    assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_a_change_that_the_file_s_times_do_not_show_is_seen(
    file: KeyFile, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = file.add("a", ["infer"])
    before = file.path.stat()
    # Two changes within one tick of the file system's clock.
    monkeypatch.setattr(Path, "stat", lambda path: before)
    assert ring.authorise(bearer(issued), "infer").id == issued.id
    file.path.write_text(file.path.read_text().replace(issued.stored.sha256, "0" * 64))
    assert refused(ring, issued).detail == INVALID_KEY


def test_without_a_file_nothing_is_configured_and_nobody_is_known(ring: KeyRing) -> None:
    assert not ring.configured
    assert refused(ring, Headers({})).detail == NO_KEY
    assert refused(ring, f"msk_00000000_{'a' * 43}").detail == INVALID_KEY
    assert not ring.configured


def test_where_keys_are_required_no_file_lets_nobody_in(file: KeyFile) -> None:
    ring = KeyRing(file.path, required=True, look_every=0)
    assert ring.configured
    assert refused(ring, Headers({})).detail == NO_KEY
    issued = file.add("a", ["infer"])
    assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_the_first_key_closes_the_service_while_it_runs(file: KeyFile, ring: KeyRing) -> None:
    assert not ring.configured
    issued = file.add("a", ["infer"])
    assert ring.configured
    assert ring.authorise(bearer(issued), "infer").id == issued.id


@pytest.mark.parametrize("loss", [lambda file: file.path.unlink(), lambda file: file.path.write_text("{}")])
def test_losing_the_file_does_not_open_the_service(
    file: KeyFile, ring: KeyRing, loss: Callable[[KeyFile], object]
) -> None:
    issued = file.add("a", ["infer"])
    content = file.path.read_bytes()
    assert ring.authorise(bearer(issued), "infer").id == issued.id
    loss(file)
    assert ring.configured
    assert refused(ring, issued).detail == INVALID_KEY
    assert refused(ring, Headers({})).detail == NO_KEY
    file.path.write_bytes(content)
    assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_revoking_the_last_key_does_not_open_the_service(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"])
    assert ring.configured
    file.revoke(issued.id)
    assert ring.configured
    assert refused(ring, issued).detail == INVALID_KEY


DAMAGES: list[bytes | Callable[[bytes], bytes]] = [
    b"",
    b"null",
    b"[]",
    b"\x00\xff",
    lambda good: good[: len(good) // 2],
    lambda good: good.replace(b'"infer"', b'"all"'),
    lambda good: good + good,
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_damaged_file_lets_nobody_in_until_it_is_repaired(
    file: KeyFile, ring: KeyRing, damage: bytes | Callable[[bytes], bytes], from_the_start: bool
) -> None:
    issued = file.add("a", ["infer"])
    good = file.path.read_bytes()
    if not from_the_start:
        ring.authorise(bearer(issued), "infer")
    file.path.write_bytes(damage if isinstance(damage, bytes) else damage(good))
    assert ring.configured
    for headers in (bearer(issued), bearer("x"), Headers({}), Headers({"X-API-Key": "a", "Authorization": "Bearer b"})):
        problem = refused(ring, headers)
        assert isinstance(problem, KeysUnreadable)
        assert problem.kind.retryable
    file.path.write_bytes(good)
    assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_what_cannot_be_opened_lets_nobody_in_until_it_can(file: KeyFile, ring: KeyRing) -> None:
    file.path.mkdir()
    assert ring.configured
    assert isinstance(refused(ring, Headers({})), KeysUnreadable)
    file.path.rmdir()
    file.path.symlink_to(file.path.name)
    assert isinstance(refused(ring, Headers({})), KeysUnreadable)
    file.path.unlink()
    issued = file.add("a", ["infer"])
    assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_a_disk_that_recovers_is_noticed_although_the_file_never_changed(
    file: KeyFile, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = file.add("a", ["infer"])
    monkeypatch.setattr(keys, "_SETTLED_AFTER_NS", 0)

    def fail(_: Path) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "read_bytes", fail)
        assert isinstance(refused(ring, issued), KeysUnreadable)
    assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_a_link_that_is_put_back_is_read_again(file: KeyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kubernetes mounts a secret: what is at the path changes without the files changing."""
    monkeypatch.setattr(keys, "_SETTLED_AFTER_NS", 0)
    issued = file.add("a", ["infer"])
    damaged, link = tmp_path / "damaged", tmp_path / "link"
    damaged.write_bytes(b"{")
    ring = KeyRing(link, look_every=0)
    for target in (file.path, damaged, file.path):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        if target == damaged:
            assert isinstance(refused(ring, issued), KeysUnreadable)
        else:
            assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_who_removes_a_damaged_file_does_not_open_the_service(file: KeyFile, ring: KeyRing) -> None:
    file.path.write_bytes(b"{")
    assert ring.configured
    file.path.unlink()
    assert ring.configured
    assert isinstance(refused(ring, Headers({})), Unauthorized)


def test_threads_never_get_a_wrong_answer_while_the_file_is_replaced(
    file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a power cut would leave is not the question here, and a busy disk takes long over it.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    good = file.add("good", ["infer"])
    bystander = file.add("bystander", ["infer"])
    gone = file.add("gone", ["infer"])
    ring = KeyRing(file.path, look_every=0)
    file.revoke(gone.id)
    done = threading.Event()

    def ask() -> int:
        answers = 0
        while not done.is_set():
            assert ring.authorise(bearer(good), "infer").id == good.id
            assert isinstance(refused(ring, good, "admin"), InsufficientScope)
            for wrong in (gone.text, another_secret(good)):
                assert refused(ring, wrong).detail == INVALID_KEY
            answers += 1
            time.sleep(0.001)  # or the one that replaces it hardly gets a turn
        return answers

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for _ in range(200):
                new = file.rotate(bystander.id, keep=timedelta(0))
                assert ring.authorise(bearer(new), "infer").id == bystander.id
        finally:
            done.set()
        assert all(asked.result() > 0 for asked in asking)


def test_the_first_use_may_be_by_many_threads_at_once(file: KeyFile) -> None:
    issued = file.add("good", ["infer"])
    for _ in range(50):
        ring, start = KeyRing(file.path), threading.Barrier(4)

        def ask(ring: KeyRing = ring, start: threading.Barrier = start) -> str:
            start.wait()
            return ring.authorise(bearer(issued), "infer").id

        with ThreadPoolExecutor(4) as pool:
            assert {asked.result() for asked in [pool.submit(ask) for _ in range(4)]} == {issued.id}


def test_the_log_tells_each_change_once(file: KeyFile, ring: KeyRing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    issued = file.add("a", ["infer"])
    good = file.path.read_bytes()
    for content in (good, b"{", good, b"{}"):
        file.path.write_bytes(content)
        for _ in range(3):
            assert ring.configured
    damaged = "cannot be understood: Invalid JSON: EOF while parsing an object at line 1 column 1."
    assert logged(caplog) == [
        {"event": "keys_read", "level": "INFO", "keys": 1},
        {"event": "keys_unreadable", "level": "ERROR", "reason": f"{file.path} {damaged}"},
        {"event": "keys_read", "level": "INFO", "keys": 1},
        {"event": "keys_read", "level": "WARNING", "keys": 0},
    ]
    assert isinstance(refused(ring, issued), Unauthorized)


def test_the_log_warns_of_a_file_that_others_may_write_to(
    file: KeyFile, ring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    file.add("a", ["infer"])
    for mode in (0o600, 0o644, 0o640, 0o620, 0o622, 0o600, 0o602):
        file.path.chmod(mode)
        assert ring.configured
    warned = [record for record in caplog.records if record.msg == "keys_writable"]
    assert [record.levelname for record in warned] == ["WARNING"] * 2  # at 0o620, and again at 0o602


def test_the_log_does_not_speak_of_keys_where_there_never_was_one(
    file: KeyFile, ring: KeyRing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    assert not ring.configured
    assert logged(caplog) == []
    required = KeyRing(file.path, required=True)
    assert required.configured
    assert logged(caplog) == [{"event": "keys_read", "level": "WARNING", "keys": 0}]
