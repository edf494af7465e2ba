import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from service import keys
from service.access_problems import ConflictingCredentials, InsufficientScope, KeyExpired, Unauthorized
from service.key_file import Issued, KeyFile, Scope, hashed
from service.keys import INVALID_KEY, NO_KEY, Key, KeyRing
from service.problems import Problem

CHALLENGE = 'Bearer realm="melanoserve"'
WRONG_ONE = f'{CHALLENGE}, error="invalid_token"'
LONG_AGO = "2020-01-01T00:00:00Z"
HOUR = timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def ring(file: KeyFile) -> KeyRing:
    """Looks at the file on every call, so that tests need not wait."""
    return KeyRing(file.path, look_every=0)


def bearer(key: str | Issued) -> Headers:
    return Headers({"Authorization": f"Bearer {key if isinstance(key, str) else key.text}"})


def refused(ring: KeyRing, key: str | Issued | Headers, scope: Scope = "infer") -> Problem:
    with pytest.raises(Problem) as caught:
        ring.authorise(key if isinstance(key, Headers) else bearer(key), scope)
    return caught.value


def another_secret(issued: Issued) -> str:
    last = issued.text[-1]
    return issued.text[:-1] + ("A" if last != "A" else "Q")


def edit(file: KeyFile, key_id: str, **changes: Any) -> None:
    content = json.loads(file.path.read_text())
    content[key_id] |= changes
    file.path.write_text(json.dumps(content))


@pytest.mark.parametrize("header", ["Authorization", "authorization", "X-API-Key", "x-api-key"])
def test_a_key_is_taken_from_either_header(file: KeyFile, ring: KeyRing, header: str) -> None:
    issued = file.add("PACS gateway", ["infer"])
    value = f"Bearer {issued.text}" if header.lower() == "authorization" else issued.text
    assert ring.authorise(Headers({header: value}), "infer") == Key(issued.id, "PACS gateway", frozenset({"infer"}))


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {} "])
def test_the_scheme_is_read_as_http_says(file: KeyFile, ring: KeyRing, form: str) -> None:
    issued = file.add("a", ["infer"])
    assert ring.authorise(Headers({"Authorization": form.format(issued.text)}), "infer").id == issued.id


def test_the_same_key_twice_is_one_key(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"])
    headers = Headers({"Authorization": f"Bearer {issued.text}", "X-API-Key": issued.text})
    assert ring.authorise(headers, "infer").id == issued.id


@pytest.mark.parametrize(
    "names", [("authorization", "x-api-key"), ("x-api-key", "x-api-key"), ("authorization", "authorization")]
)
def test_two_keys_are_a_conflict_even_if_both_are_valid(file: KeyFile, ring: KeyRing, names: tuple[str, str]) -> None:
    texts = [file.add(name, ["infer"]).text for name in ("a", "b")]
    values = [f"Bearer {t}" if name == "authorization" else t for name, t in zip(names, texts, strict=True)]
    headers = Headers(raw=[(name.encode(), v.encode()) for name, v in zip(names, values, strict=True)])
    assert isinstance(refused(ring, headers), ConflictingCredentials)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"X-API-Key": " "},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Cookie": "key=x"},
    ],
)
def test_no_key(file: KeyFile, ring: KeyRing, headers: dict[str, str]) -> None:
    file.add("a", ["infer"])
    problem = refused(ring, Headers(headers))
    assert type(problem) is Unauthorized
    assert (problem.detail, problem.headers) == (NO_KEY, {"WWW-Authenticate": CHALLENGE})


def test_a_proxy_s_own_users_do_not_get_in_the_way(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"])
    headers = Headers({"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": issued.text})
    assert ring.authorise(headers, "infer").id == issued.id


WRONG: list[Callable[[Issued, Issued], str]] = [
    lambda mine, other: "x",
    lambda mine, other: "é" * 56,
    lambda mine, other: "x" * 60_000,
    lambda mine, other: mine.text[:-1],
    lambda mine, other: mine.text + "A",
    lambda mine, other: mine.text.upper(),
    lambda mine, other: f"{mine.text}, {mine.text}",
    lambda mine, other: mine.id,
    lambda mine, other: mine.stored.sha256,
    lambda mine, other: another_secret(mine),
    lambda mine, other: mine.text.replace(mine.id, other.id),
    lambda mine, other: mine.text.replace(mine.id, "00000000"),
    lambda mine, other: f"msk_{mine.id}_{mine.stored.sha256[:43]}",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_every_wrong_key_gets_the_same_answer(
    file: KeyFile, ring: KeyRing, wrong: Callable[[Issued, Issued], str]
) -> None:
    key = wrong(file.add("a", ["infer"]), file.add("b", ["infer"]))
    problem = refused(ring, key)
    assert type(problem) is Unauthorized
    assert (problem.detail, problem.headers) == (INVALID_KEY, {"WWW-Authenticate": WRONG_ONE})


def test_no_scope_includes_another(file: KeyFile, ring: KeyRing) -> None:
    infer, admin = file.add("a", ["infer"]), file.add("b", ["admin"])
    both = file.add("c", ["infer", "admin"])
    assert ring.authorise(bearer(admin), "admin").id == admin.id
    assert ring.authorise(bearer(both), "admin") == ring.authorise(bearer(both), "infer")
    for issued, scope in ((infer, "admin"), (admin, "infer")):
        problem = refused(ring, issued, "admin" if scope == "admin" else "infer")
        assert isinstance(problem, InsufficientScope)
        assert repr(scope) in problem.detail
        assert problem.headers["WWW-Authenticate"] == f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'


def test_only_the_owner_of_a_key_is_told_that_it_expired(file: KeyFile, ring: KeyRing) -> None:
    issued = file.add("a", ["infer"], lifetime=HOUR)
    assert ring.authorise(bearer(issued), "infer").id == issued.id
    edit(file, issued.id, expires=LONG_AGO)
    problem = refused(ring, issued)
    assert isinstance(problem, KeyExpired)
    assert "2020-01-01 00:00:00 UTC" in problem.detail
    assert problem.headers == {"WWW-Authenticate": WRONG_ONE}
    assert refused(ring, another_secret(issued)).detail == INVALID_KEY


def test_a_key_expires_while_the_service_runs(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + HOUR

    ring = KeyRing(file.path)
    issued = file.add("a", ["infer"], lifetime=HOUR)
    assert ring.authorise(bearer(issued), "infer").id == issued.id
    monkeypatch.setattr(keys, "datetime", Later)
    assert isinstance(refused(ring, issued), KeyExpired)


def test_after_a_rotation_both_secrets_are_valid_until_the_old_one_ends(file: KeyFile, ring: KeyRing) -> None:
    old = file.add("a", ["infer"])
    assert ring.authorise(bearer(old), "infer").id == old.id
    new = file.rotate(old.id, keep=HOUR)
    assert ring.authorise(bearer(old), "infer") == ring.authorise(bearer(new), "infer")
    edit(file, old.id, previous={"sha256": old.stored.sha256, "expires": LONG_AGO})
    assert ring.authorise(bearer(new), "infer").id == new.id
    problem = refused(ring, old)
    assert isinstance(problem, KeyExpired)
    assert "new secret" in problem.detail
    assert refused(ring, another_secret(old)).detail == INVALID_KEY


def test_a_rotation_can_end_the_old_secret_at_once(file: KeyFile, ring: KeyRing) -> None:
    old = file.add("a", ["infer"])
    new = file.rotate(old.id, keep=timedelta(0))
    assert refused(ring, old).detail == INVALID_KEY
    assert ring.authorise(bearer(new), "infer").id == new.id


def test_the_same_is_done_for_an_id_that_does_not_exist(
    file: KeyFile, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: a machine that does other things too would make a timing test say anything."""
    plain, rotated = file.add("a", ["infer"]), file.add("b", ["infer"])
    rotated = file.rotate(rotated.id, keep=HOUR)
    done: list[tuple[str, int]] = []
    compare = hmac.compare_digest

    def counted_digest(secret: str) -> str:
        done.append(("digest", len(secret)))
        return hashed(secret)

    def counted_compare(one: str, other: str) -> bool:
        done.append(("compare", len(one) + len(other)))
        return compare(one, other)

    monkeypatch.setattr(keys, "hashed", counted_digest)
    monkeypatch.setattr(hmac, "compare_digest", counted_compare)
    work = []
    for key in (another_secret(plain), another_secret(rotated), plain.text.replace(plain.id, "00000000")):
        refused(ring, key)
        work.append(done.copy())
        done.clear()
    ring.authorise(bearer(plain), "infer")
    work.append(done.copy())
    assert work == [[("digest", 43), ("compare", 128), ("compare", 128)]] * 4


def test_it_is_cheap_enough_for_the_event_loop(file: KeyFile) -> None:
    issued = file.add("a", ["infer"], rate_per_minute=1_000_000)
    ring = KeyRing(file.path)
    raw = [(f"x-header-{number}".encode(), b"value") for number in range(15)]
    headers = Headers(raw=[*raw, (b"authorization", f"Bearer {issued.text}".encode())])
    costs = []
    for _ in range(10):
        # What this thread used of a processor: what else the machine does is not counted.
        begun = time.thread_time()
        for _ in range(500):
            ring.authorise(headers, "infer")
        costs.append((time.thread_time() - begun) / 500)
    # The bound leaves room for a slow machine: what is hashed as passwords are takes a thousand times as long.
    assert min(costs) < 250e-6


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [{"event": record.msg, "level": record.levelname, **vars(record)["fields"]} for record in caplog.records]


def test_no_secret_is_shown_anywhere(file: KeyFile, ring: KeyRing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    first = file.add("a", ["infer"], rate_per_minute=1)
    second = file.rotate(first.id, keep=HOUR)
    shown: list[object] = [ring, vars(ring), ring.authorise(bearer(second), "infer"), vars(ring)]
    wrong = another_secret(first)
    both = Headers({"Authorization": f"Bearer {first.text}", "X-API-Key": second.text})
    problems = [refused(ring, second), refused(ring, second, "admin"), refused(ring, wrong), refused(ring, both)]
    edit(file, first.id, previous={"sha256": first.stored.sha256, "expires": LONG_AGO})
    problems.append(refused(ring, first))
    edit(file, first.id, sha256=second.text)
    problems.append(refused(ring, second))
    file.path.unlink()
    problems.append(refused(ring, second))
    assert {problem.kind.code for problem in problems} == {
        "rate_limited", "insufficient_scope", "unauthorized", "conflicting_credentials", "key_expired",
        "keys_unreadable",
    }  # fmt: skip
    everything = repr(shown) + repr([(problem, vars(problem)) for problem in problems]) + repr(logged(caplog))
    assert first.id in everything
    for key in (first.text, second.text, wrong):
        assert key.removeprefix(f"msk_{first.id}_") not in everything
