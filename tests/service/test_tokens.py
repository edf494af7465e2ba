import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service import tokens
from service.access_problems import InsufficientScope, InvalidToken, IssuerUnavailable, RateLimited, TokenExpired
from service.jwks import FRESH
from service.key_file import Scope
from service.keys import Key
from service.problems import Problem
from service.tokens import LEEWAY, Expected, Tokens, granted, loggable
from tests.service.issuer import AUDIENCE, ISSUER, Issuer, claims, issuing, jwk_of, key_set, private_key, token

RSA, P256, P384 = private_key("RSA"), private_key("P-256"), private_key("P-384")
SECRET = "s" * 64
KEYS = key_set(
    jwk_of(RSA, "k1"), jwk_of(P256, "p-256"), jwk_of(P384, "p-384"), {"kty": "oct", "k": "c3Nz", "kid": "shared"}
)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as started:
        started.body = KEYS
        yield started


def verifier(issuer: Issuer, rate: float | None = None) -> Tokens:
    return Tokens(Expected(ISSUER, AUDIENCE, rate), issuer.url)


def authorise(verifying: Tokens, *sent: str, scope: Scope = "infer") -> Key:
    async def ask() -> Key:
        return [await verifying.authorise(one, scope) for one in sent][-1]

    return asyncio.run(ask())


def refused(verifying: Tokens, *sent: str, scope: Scope = "infer") -> Problem:
    with pytest.raises(Problem) as caught:
        authorise(verifying, *sent, scope=scope)
    return caught.value


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"),
    [(RSA, "k1", "RS256"), (RSA, "k1", "RS384"), (P256, "p-256", "ES256"), (P384, "p-384", "ES384")],
)
def test_a_token_of_the_issuer_lets_in(issuer: Issuer, key: Any, kid: str, algorithm: str) -> None:
    sent = token(key, kid=kid, algorithm=algorithm, typ="at+jwt")
    assert authorise(verifier(issuer), sent) == Key("sub:pacs-gateway", "sub:pacs-gateway", frozenset({"infer"}))


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims())]
    return ".".join([*parts, signature])


def flipped(sent: str) -> str:
    head, said, signature = sent.split(".")
    return f"{head}.{said}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def other_words(sent: str) -> str:
    head, _, signature = sent.split(".")
    words = base64.urlsafe_b64encode(json.dumps(claims(scope="melanoserve/admin")).encode()).rstrip(b"=").decode()
    return f"{head}.{words}.{signature}"


def with_public_key_as_secret() -> str:
    """The classical confusion: what everybody knows, taken for a shared secret. PyJWT refuses to make one."""
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').rstrip(b"=").decode()
    said = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
    made = hmac.new(public, f"{head}.{said}".encode(), hashlib.sha256).digest()
    return f"{head}.{said}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


FORGED = {
    "none": unsigned({"alg": "none", "kid": "k1"}),
    "None": unsigned({"alg": "None", "kid": "k1"}, "AAAA"),
    "no-signature": unsigned({"alg": "RS256", "kid": "k1"}),
    "foreign-key": token(private_key("RSA", 1)),
    "shared-secret": token(SECRET, kid="shared", algorithm="HS256"),
    "public-key-as-secret": with_public_key_as_secret(),
    "unknown-key": token(RSA, kid="k9"),
    "no-key": token(RSA, kid=None),
    "another-s-key": token(RSA, kid="p-256"),
    "algorithm-of-another-curve": token(P384, kid="p-256", algorithm="ES384"),
    "unlisted-algorithm": token(RSA, algorithm="RS512"),
    "padded": token(RSA, algorithm="PS256"),
    "own-key-in-its-header": token(private_key("RSA", 1), jwk=jwk_of(private_key("RSA", 1), "k1")),
    "own-address-in-its-header": token(private_key("RSA", 1), jku="http://127.0.0.1:9/"),
    "changed-signature": flipped(token(RSA)),
    "changed-claims": other_words(token(RSA)),
    "critical": token(RSA, crit=["x"], x=1),
    "another-kind": token(RSA, typ="logout+jwt"),
    "no-token": "a.b.c",
    "empty": "..",
    "too-long": token(RSA, claims(padding="x" * tokens.MOST_BYTES)),
    "not-ascii": "é.ü.ß",
}


@pytest.mark.parametrize("sent", FORGED.values(), ids=FORGED)
def test_what_the_issuer_did_not_sign_lets_nobody_in(issuer: Issuer, sent: str) -> None:
    problem = refused(verifier(issuer), sent)
    assert type(problem) is InvalidToken
    assert problem.headers == {"WWW-Authenticate": 'Bearer realm="melanoserve", error="invalid_token"'}


TOMORROW = int(time.time()) + 86_400
WRONG: dict[str, dict[str, Any]] = {
    "another-issuer": {"iss": "https://other.test"},
    "issuer-with-a-slash": {"iss": f"{ISSUER}/"},
    "another-audience": {"aud": "ehr"},
    "no-audience": {"aud": None},
    "no-end": {"exp": None},
    "no-beginning": {"iat": None},
    "no-subject": {"sub": None},
    "empty-subject": {"sub": ""},
    "subject-that-is-no-text": {"sub": 7},
    "not-yet": {"nbf": TOMORROW},
    "from-the-future": {"iat": TOMORROW},
    "end-that-is-no-number": {"exp": "tomorrow"},
    "endless": {"exp": float("inf")},
    "end-beyond-numbers": {"exp": 10**400},
    "subject-that-is-no-unicode": {"sub": "\ud800"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_token_that_is_not_meant_for_us_or_for_now(issuer: Issuer, changes: dict[str, Any]) -> None:
    assert type(refused(verifier(issuer), token(RSA, claims(**changes)))) is InvalidToken


def test_an_expired_token_says_so_and_clocks_may_differ_a_little(issuer: Issuer) -> None:
    late = int(time.time()) - LEEWAY
    assert isinstance(refused(verifier(issuer), token(RSA, claims(exp=late - 5))), TokenExpired)
    assert authorise(verifier(issuer), token(RSA, claims(exp=late + 20, nbf=int(time.time()) + 10)))


@pytest.mark.parametrize("changes", [{"aud": "another"}, {"iss": "https://elsewhere.test"}, {"iat": None}])
def test_of_a_token_that_was_never_for_us_nobody_is_told_that_it_has_expired(
    issuer: Issuer, changes: dict[str, Any]
) -> None:
    """A new one of its kind would be no better."""
    expired = claims(exp=int(time.time()) - LEEWAY - 5, **changes)
    assert type(refused(verifier(issuer), token(RSA, expired))) is InvalidToken


def test_one_of_several_audiences_is_enough(issuer: Issuer) -> None:
    assert authorise(verifier(issuer), token(RSA, claims(aud=["account", AUDIENCE])))


def test_a_token_is_checked_once_and_no_longer_than_it_is_valid(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifying, sent = verifier(issuer), token(RSA, claims(exp=int(time.time()) + 60))
    authorise(verifying, sent)
    monkeypatch.setattr(jwt, "decode", None)
    assert authorise(verifying, sent).id == "sub:pacs-gateway"
    later = time.time() + 60 + LEEWAY
    monkeypatch.setattr(time, "time", lambda: later)
    assert isinstance(refused(verifying, sent), TokenExpired)


def test_a_token_whose_key_is_withdrawn_is_forgotten(issuer: Issuer) -> None:
    verifying, sent = verifier(issuer), token(RSA)

    async def ask() -> None:
        await verifying.authorise(sent, "infer")
        issuer.body = key_set(jwk_of(private_key("RSA", 1), "k2"))
        verifying._jwks._asked_at -= 60
        await verifying.authorise(token(private_key("RSA", 1), kid="k2"), "infer")
        with pytest.raises(InvalidToken):
            await verifying.authorise(sent, "infer")

    asyncio.run(ask())


def test_a_token_that_is_the_only_one_sent_does_not_outlive_its_key(issuer: Issuer) -> None:
    verifying, sent = verifier(issuer), token(RSA, claims(exp=int(time.time()) + 10**7))

    async def ask() -> None:
        await verifying.authorise(sent, "infer")
        issuer.body = key_set(jwk_of(private_key("RSA", 1), "k2"))
        verifying._jwks._known_at -= FRESH + 1
        verifying._jwks._asked_at -= FRESH + 1
        with pytest.raises(InvalidToken):
            await verifying.authorise(sent, "infer")
        assert issuer.asked == 2

    asyncio.run(ask())


def test_another_key_of_the_same_name_is_another_key(issuer: Issuer) -> None:
    verifying, sent = verifier(issuer), token(RSA)

    async def ask() -> None:
        await verifying.authorise(sent, "infer")
        issuer.body = key_set(jwk_of(private_key("RSA", 1), "k1"))
        verifying._jwks._known_at -= FRESH + 1
        verifying._jwks._asked_at -= FRESH + 1
        with pytest.raises(InvalidToken):
            await verifying.authorise(sent, "infer")

    asyncio.run(ask())


def test_a_token_that_cannot_be_checked_lets_nobody_in(issuer: Issuer) -> None:
    issuer.status = 500
    problem = refused(verifier(issuer), token(RSA))
    assert isinstance(problem, IssuerUnavailable)
    assert problem.kind.retryable


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        ({"scope": "openid melanoserve/infer"}, {"infer"}),
        ({"scope": "melanoserve/infer melanoserve/admin"}, {"infer", "admin"}),
        ({"scp": ["melanoserve/admin", 7]}, {"admin"}),
        ({"scp": "melanoserve/infer"}, {"infer"}),
        ({"scope": "system/DiagnosticReport.c"}, {"infer"}),
        ({"scope": "system/DiagnosticReport.cruds"}, {"infer"}),
        ({"scope": "system/DiagnosticReport.rs"}, set()),
        ({"scope": "system/DiagnosticReport.write system/*.c user/DiagnosticReport.c patient/*.cruds"}, set()),
        ({"scope": "infer admin Melanoserve/infer melanoserve/inferx"}, set()),
        ({"scope": ""}, set()),
        ({}, set()),
    ],
)
def test_scopes(said: dict[str, Any], scopes: set[str]) -> None:
    assert set(granted(said)) == scopes


@pytest.mark.parametrize("scope", [None, 7, {"melanoserve/infer": 1}])
def test_a_scope_of_another_form_grants_nothing(issuer: Issuer, scope: Any) -> None:
    said = claims() | {"scope": scope}
    assert isinstance(refused(verifier(issuer), token(RSA, said)), InsufficientScope)


def test_no_scope_includes_another_and_the_answer_names_the_one_that_is_needed(issuer: Issuer) -> None:
    problem = refused(verifier(issuer), token(RSA), scope="admin")
    assert isinstance(problem, InsufficientScope)
    assert problem.headers["WWW-Authenticate"] == (
        'Bearer realm="melanoserve", error="insufficient_scope", scope="melanoserve/admin"'
    )


def test_a_rate_is_a_subject_s_whatever_token_it_sends(issuer: Issuer) -> None:
    verifying = verifier(issuer, rate=2)
    mine = [token(RSA, claims(jti=str(number))) for number in range(3)]
    problem = refused(verifying, *mine)
    assert isinstance(problem, RateLimited)
    assert int(problem.headers["Retry-After"]) > 1
    assert authorise(verifying, token(RSA, claims(sub="another"))).id == "sub:another"


def test_the_memory_has_an_end(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_KEPT", 3)
    verifying = verifier(issuer, rate=100)
    authorise(verifying, *(token(P256, claims(sub=str(n)), kid="p-256", algorithm="ES256") for n in range(5)))
    assert (len(verifying._checked), len(verifying._buckets)) == (3, 3)


def test_a_subject_that_could_be_anything_is_logged_by_its_hash() -> None:
    assert loggable("3f1c-service@clinic") == "sub:3f1c-service@clinic"
    assert loggable("Jane Doe\n").startswith("sub-sha256:")
    assert "Jane" not in loggable("Jane Doe\n")
