"""A service that takes access tokens beside API keys: who is let in, and what the others are told."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from service.key_file import KeyFile
from tests.running_service import Service, running
from tests.service.issuer import AUDIENCE, ISSUER, Issuer, claims, issuing, private_key, token
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))
RSA = private_key("RSA")


@dataclass(frozen=True)
class Guarded:
    """A running service, its issuer, and a key to it."""

    service: Service
    issuer: Issuer
    key: str

    def classify(self, credential: str | None = None, **headers: str) -> httpx.Response:
        sent = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        return self.service.client.post(
            "/classify", content=DATA, headers={"Content-Type": "image/png"} | sent | headers
        )


@pytest.fixture(scope="module")
def guarded(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Its issuer is down while it starts."""
    state = tmp_path_factory.mktemp("state")
    key = KeyFile(state / "keys.json").add("ward 3", ["infer"]).text
    with issuing() as issuer:
        issuer.status = 500
        with running(
            pristine_store,
            state,
            OIDC_ISSUER=ISSUER,
            OIDC_AUDIENCE=AUDIENCE,
            OIDC_JWKS=issuer.url,
            OIDC_RATE_PER_MINUTE="9",
        ) as service:
            yield Guarded(service, issuer, key)


def test_a_token_that_cannot_be_checked_is_refused_until_it_can(guarded: Guarded) -> None:
    answer = guarded.classify(token(RSA))
    assert check_problem(answer, 503, "issuer_unavailable")["retryable"] is True
    assert guarded.classify(guarded.key).status_code == 200  # keys need no issuer
    guarded.issuer.status = 200
    deadline = time.monotonic() + 60
    while guarded.classify(token(RSA, claims(sub="waiting"))).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_proxy_that_cannot_be_used_is_an_issuer_that_does_not_answer(pristine_store: Path, tmp_path: Path) -> None:
    proxy, url = {"HTTPS_PROXY": "socks5://clinic:CANARY@proxy.clinic.test:1080"}, "https://login.clinic.test/jwks"
    with running(
        pristine_store, tmp_path, variables=proxy, OIDC_ISSUER=ISSUER, OIDC_AUDIENCE=AUDIENCE, OIDC_JWKS=url
    ) as service:
        headers = {"Authorization": f"Bearer {token(RSA)}"}
        answer = service.client.get("/models", headers=headers)
        assert check_problem(answer, 503, "issuer_unavailable")["retryable"] is True
        assert [event["reason"] for event in service.events("issuer_unavailable")] == ["ImportError"]
        assert "CANARY" not in service.log
        assert not service.events("unhandled")


def test_a_token_lets_in_and_the_log_names_its_subject(guarded: Guarded) -> None:
    sent = token(RSA, claims(sub="ris-3"))
    assert guarded.classify(sent, **{"X-Request-ID": "by-token"}).status_code == 200
    assert guarded.service.request("by-token")["key"] == "sub:ris-3"
    assert sent.split(".")[2] not in guarded.service.log
    assert guarded.service.client.get("/models", headers={"Authorization": f"Bearer {sent}"}).status_code == 200


def test_who_sends_nothing_is_told_what_to_send_and_not_that_it_was_wrong(guarded: Guarded) -> None:
    answer = guarded.classify()
    check_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="melanoserve"'


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (lambda: token(private_key("RSA", 1)), 401, "invalid_token"),
        (lambda: token("", algorithm="none"), 401, "invalid_token"),
        (lambda: token(RSA, claims(aud="ehr")), 401, "invalid_token"),
        (lambda: token(RSA, claims(exp=1)), 401, "token_expired"),
        (lambda: token(RSA, claims(scope="openid")), 403, "insufficient_scope"),
        (lambda: "not-a-token", 401, "unauthorized"),
    ],
)
def test_what_does_not_let_in(guarded: Guarded, sent: Callable[[], str], status: int, code: str) -> None:
    answer = guarded.classify(sent())
    check_problem(answer, status, code)
    error = "insufficient_scope" if status == 403 else "invalid_token"
    assert f'error="{error}"' in answer.headers["www-authenticate"]


def test_a_token_beside_a_key_is_a_conflict(guarded: Guarded) -> None:
    check_problem(guarded.classify(token(RSA), **{"X-API-Key": guarded.key}), 400, "conflicting_credentials")


def test_only_admin_moves_labels(guarded: Guarded) -> None:
    def move(scope: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token(RSA, claims(sub=scope, scope=f'melanoserve/{scope}'))}"}
        return guarded.service.client.put("/models/classifier/labels/next", json={"version": 1}, headers=headers)

    check_problem(move("infer"), 403, "insufficient_scope")
    assert move("admin").status_code == 200


def test_a_subject_that_asks_too_often_is_told_when_to_come_back(guarded: Guarded) -> None:
    answers = [guarded.classify(token(RSA, claims(sub="busy", jti=str(number)))) for number in range(12)]
    refused = next(answer for answer in answers if answer.status_code != 200)
    check_problem(refused, 429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert not guarded.service.events("unhandled")
