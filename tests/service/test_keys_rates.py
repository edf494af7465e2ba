"""How often a key may ask; test_keys.py has who may come in."""

import time
from pathlib import Path

import pytest

from service.access_problems import InsufficientScope, KeysUnreadable, RateLimited, Unauthorized
from service.key_file import KeyFile
from service.keys import KeyRing
from tests.service.test_keys import HOUR, another_secret, bearer, edit, refused


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def ring(file: KeyFile) -> KeyRing:
    """Looks at the file on every call, so that tests need not wait."""
    return KeyRing(file.path, look_every=0)


def test_a_rate_is_the_key_s_own_and_says_how_long_to_wait(file: KeyFile, ring: KeyRing) -> None:
    issued, other = file.add("a", ["infer"], rate_per_minute=2), file.add("b", ["infer"], rate_per_minute=2)
    free = file.add("c", ["infer"])
    for _ in range(2):
        ring.authorise(bearer(issued), "infer")
    problem = refused(ring, issued)
    assert isinstance(problem, RateLimited)
    assert problem.detail.endswith("may send 2 requests at once, and then 2 a minute.")
    assert problem.kind.retryable
    assert 20 <= int(problem.headers["Retry-After"]) <= 30
    ring.authorise(bearer(other), "infer")
    for _ in range(100):
        ring.authorise(bearer(free), "infer")


def test_after_the_wait_it_goes_on(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"], rate_per_minute=60)
    headers = bearer(issued)
    with pytest.raises(RateLimited) as caught:
        for _ in range(1000):
            ring.authorise(headers, "infer")
    assert caught.value.headers == {"Retry-After": "1"}
    time.sleep(1)
    assert ring.authorise(headers, "infer").id == issued.id


def test_a_change_to_the_file_does_not_let_more_through(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"], rate_per_minute=1)
    ring.authorise(bearer(issued), "infer")
    file.add("b", ["infer"])
    new = file.rotate(issued.id, keep=HOUR)
    assert isinstance(refused(ring, new), RateLimited)
    assert isinstance(refused(ring, issued), RateLimited), "both secrets are one key"
    good = file.path.read_bytes()
    file.path.write_bytes(b"")
    assert isinstance(refused(ring, new), KeysUnreadable)
    file.path.write_bytes(good)
    assert isinstance(refused(ring, new), RateLimited)


def test_another_rate_counts_at_once(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"], rate_per_minute=1)
    ring.authorise(bearer(issued), "infer")
    assert isinstance(refused(ring, issued), RateLimited)
    edit(file, issued.id, rate_per_minute=3)
    for _ in range(3):
        ring.authorise(bearer(issued), "infer")
    assert isinstance(refused(ring, issued), RateLimited)
    edit(file, issued.id, rate_per_minute=None)
    for _ in range(10):
        ring.authorise(bearer(issued), "infer")


def test_what_is_refused_for_another_reason_is_not_counted(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"], rate_per_minute=1)
    for _ in range(5):
        assert isinstance(refused(ring, issued, "admin"), InsufficientScope)
        assert isinstance(refused(ring, another_secret(issued)), Unauthorized)
    assert ring.authorise(bearer(issued), "infer").id == issued.id


def test_each_of_several_processes_lets_its_share_through(file: KeyFile) -> None:
    issued = file.add("a", ["infer"], rate_per_minute=9)
    ring = KeyRing(file.path, processes=3)
    for _ in range(3):
        ring.authorise(bearer(issued), "infer")
    problem = refused(ring, issued)
    assert isinstance(problem, RateLimited)
    assert "9 requests" in problem.detail
