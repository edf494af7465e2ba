import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import jwks
from service.access_problems import IssuerUnavailable
from service.jwks import ASK_EVERY, AWAY, FRESH, RENEW, STALE, Jwks, UnusableKeys, read_source, usable_keys
from tests.client.recorder import recording_proxy
from tests.service.issuer import Issuer, issuing, jwk_of, key_set, private_key


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as started:
        yield started


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def keys_of(source: str) -> tuple[Jwks, Clock, list[str]]:
    clock, changes = Clock(), list[str]()
    return Jwks(source, lambda: changes.append("changed"), clock), clock, changes


def test_a_key_is_found_by_its_name_and_asked_for_once(issuer: Issuer) -> None:
    keys, _, changes = keys_of(issuer.url)

    async def ask() -> None:
        found = await asyncio.gather(*(keys.find("k1") for _ in range(20)))
        assert all(one is not None and one.algorithms == ("RS256", "RS384") for one in found)

    asyncio.run(ask())
    assert (issuer.asked, changes) == (1, ["changed"])


def test_an_unknown_key_is_asked_for_but_not_all_the_time(issuer: Issuer) -> None:
    keys, clock, changes = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        for _ in range(5):
            assert await keys.find("made-up") is None
        assert issuer.asked == 1
        issuer.body = key_set(jwk_of(private_key("RSA", 1), "k2"))
        clock.now += ASK_EVERY
        assert await keys.find("k2")
        assert await keys.find("k1") is None  # withdrawn
        assert issuer.asked == 2

    asyncio.run(ask())
    assert len(changes) == 2


def test_keys_are_asked_for_again_while_they_go_on_counting(issuer: Issuer) -> None:
    keys, clock, changes = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        issuer.delay = 0.3
        clock.now += RENEW + 1
        assert await keys.find("k1")
        assert issuer.asked <= 2  # not waited for
        await until_told(keys)
        assert issuer.asked == 2

    asyncio.run(ask())
    assert changes == ["changed"]  # nothing is new


async def until_told(keys: Jwks) -> None:
    while keys._asking is not None and not keys._asking.done():
        await asyncio.sleep(0.01)


def test_a_key_that_is_no_longer_fresh_counts_only_once_the_issuer_said_so(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("WAIT", "TIMEOUT"):
        monkeypatch.setattr(jwks, patience, 60.0)
    keys, clock, _ = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        issuer.body = key_set(jwk_of(private_key("RSA", 1), "k2"))
        issuer.delay = 0.2
        clock.now += FRESH + 1
        assert await asyncio.gather(*(keys.find("k1") for _ in range(5))) == [None] * 5
        assert issuer.asked == 2

    asyncio.run(ask())


def test_a_slow_issuer_keeps_nobody_for_long_and_is_believed_as_soon_as_it_answers(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "WAIT", 0.1)
    monkeypatch.setattr(jwks, "TIMEOUT", 60.0)
    keys, clock, _ = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        issuer.body = key_set(jwk_of(private_key("RSA", 1), "k2"))
        issuer.answers.clear()
        clock.now += FRESH + 1
        begun = time.monotonic()
        assert await keys.find("k1")
        assert time.monotonic() - begun < 30
        issuer.answers.set()
        await until_told(keys)
        assert await keys.find("k1") is None

    asyncio.run(ask())


def test_who_sends_an_unknown_key_is_not_told_that_it_is_wrong_before_the_issuer_has_answered(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, clock, _ = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        monkeypatch.setattr(jwks, "TIMEOUT", 0.1)
        issuer.answers.clear()
        clock.now += ASK_EVERY
        with pytest.raises(IssuerUnavailable):
            await keys.find("k2")

    asyncio.run(ask())


def test_an_issuer_that_did_not_answer_just_now_is_not_waited_for_again(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("WAIT", "TIMEOUT"):
        monkeypatch.setattr(jwks, patience, 60.0)
    keys, clock, _ = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        issuer.status = 500
        clock.now += FRESH + 1
        assert await keys.find("k1")
        issuer.answers.clear()
        clock.now += ASK_EVERY
        begun = time.monotonic()
        assert await keys.find("k1")
        assert time.monotonic() - begun < 30
        issuer.answers.set()
        await until_told(keys)
        assert issuer.asked == 3
        issuer.status, issuer.body = 200, key_set(jwk_of(private_key("RSA", 1), "k2"))
        clock.now += AWAY + 1
        assert await keys.find("k1") is None  # it is back

    asyncio.run(ask())


def test_while_the_issuer_is_down_its_keys_count_for_an_hour(issuer: Issuer) -> None:
    keys, clock, _ = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        issuer.status = 500
        clock.now += STALE - 1
        assert await keys.find("k1")
        clock.now += ASK_EVERY
        with pytest.raises(IssuerUnavailable):
            await keys.find("k1")
        with pytest.raises(IssuerUnavailable):
            await keys.find("unknown")
        issuer.status = 200
        clock.now += ASK_EVERY
        assert await keys.find("k1")

    asyncio.run(ask())


def test_an_issuer_that_withdraws_every_key_is_believed(issuer: Issuer) -> None:
    keys, clock, changes = keys_of(issuer.url)

    async def ask() -> None:
        assert await keys.find("k1")
        issuer.body = key_set()
        clock.now += ASK_EVERY
        for kid in ("made-up", "k1"):
            with pytest.raises(IssuerUnavailable):
                await keys.find(kid)
        issuer.body = key_set(jwk_of(private_key("RSA"), "k1"))
        clock.now += ASK_EVERY
        assert await keys.find("k1")

    asyncio.run(ask())
    assert len(changes) == 3


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/jwks", "/nowhere/keys.json"])
def test_where_nothing_answers_nobody_knows(source: str) -> None:
    keys, _, _ = keys_of(source)
    for _ in range(2):
        with pytest.raises(IssuerUnavailable) as refused:
            asyncio.run(keys.find("k1"))
    assert refused.value.kind.retryable


@pytest.mark.parametrize(
    ("source", "proxy"),
    [
        ("https://login.test/jwks", "socks5://clinic:CANARY@proxy.test:1080"),
        ("https://login.test/jwks", "ftp://clinic:CANARY@proxy.test"),
        ("https://login.test/jwks", "http://clinic:CANARY@a..b:3128"),
        ("https://clinic:CANARY@a..b/jwks", None),
        ("https://clinic:CANARY@[::1/jwks", None),
        ("/nowhere/CANARY\0", None),
    ],
)
def test_odd_addresses_are_an_issuer_that_does_not_answer(
    source: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if proxy is not None:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(IssuerUnavailable):
        asyncio.run(keys_of(source)[0].find("k1"))
    (record,) = [record for record in caplog.records if record.msg == "issuer_unavailable"]
    assert "CANARY" not in str(vars(record))


def test_an_issuer_on_this_machine_is_asked_by_no_proxy(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its own machine the proxy would find somebody else's keys, and over http it could say anything."""
    with recording_proxy(monkeypatch) as got:
        for url in (issuer.url, issuer.url.replace("127.0.0.1", "localhost")):
            assert usable_keys(read_source(url))
    assert got == []


def test_that_the_issuer_has_no_key_is_told_once(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    keys, clock, _ = keys_of(issuer.url)
    issuer.body = key_set()

    async def ask() -> None:
        for _ in range(3):
            with pytest.raises(IssuerUnavailable):
                await keys.find("k1")
            clock.now += ASK_EVERY

    asyncio.run(ask())
    assert issuer.asked == 3
    assert [record.msg for record in caplog.records].count("issuer_unavailable") == 1


def test_a_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(key_set(jwk_of(private_key("P-256"), "k1")))
    assert asyncio.run(keys_of(str(tmp_path / "keys.json"))[0].find("k1"))


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, b"{}", "answered 404"),
        (302, b"", "answered 302"),  # where to is the issuer's affair, not a stranger's
        (200, b" " * (jwks.MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_the_issuer_may_not_answer(issuer: Issuer, status: int, body: bytes, reason: str) -> None:
    issuer.status, issuer.body = status, body
    with pytest.raises(UnusableKeys, match=reason):
        read_source(issuer.url)


def test_an_issuer_that_stalls_is_given_up(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "TIMEOUT", 0.1)
    issuer.answers.clear()
    keys, _, _ = keys_of(issuer.url)
    with pytest.raises(IssuerUnavailable):
        asyncio.run(keys.find("k1"))


def test_only_keys_for_signatures_that_we_check_are_usable() -> None:
    found = usable_keys(
        key_set(
            jwk_of(private_key("RSA"), "rsa"),
            jwk_of(private_key("RSA"), "rsa-384", alg="RS384", use="sig"),
            jwk_of(private_key("P-256"), "p-256"),
            jwk_of(private_key("P-384"), "p-384"),
            jwk_of(private_key("P-521"), "p-521"),
            jwk_of(private_key("weak"), "weak"),
            jwk_of(private_key("RSA"), "for-encryption", use="enc"),
            jwk_of(private_key("RSA"), "pss", alg="PS256"),
            jwk_of(private_key("P-256"), "mixed-up", alg="ES384"),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "disguised", "crv": "P-256"},
            {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "damaged"},
            {**jwk_of(private_key("P-256"), "off-the-curve"), "x": "AAAA"},
            {**jwk_of(private_key("RSA"), "x"), "kid": 7},
            {**jwk_of(private_key("RSA"), "listed"), "alg": ["RS256"]},
            None,
            "x",
            [],
        )
    )
    assert {kid: key.algorithms for kid, key in found.items()} == {
        "rsa": ("RS256", "RS384"), "rsa-384": ("RS384",), "p-256": ("ES256",), "p-384": ("ES384",)
    }  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[]", b"{}", b'{"keys": 1}', b'{"keys": {}}', b"[" * 100_000, b'["keys"]', b"null"],
)
def test_what_is_no_key_set(data: bytes) -> None:
    with pytest.raises(UnusableKeys):
        usable_keys(data)
