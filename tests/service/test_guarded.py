"""A service with API keys: who is let in, and where."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from service.key_file import KeyFile, parsed
from tests.running_service import Service, running
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

DATA = png(picture(MELANOMA))


@dataclass(frozen=True)
class Guarded:
    """A running service and the keys to it."""

    service: Service
    infer: str
    admin: str
    expired: str
    slow: str

    def classify(self, **headers: str) -> httpx.Response:
        return self.service.client.post("/classify", content=DATA, headers={"Content-Type": "image/png"} | headers)


@pytest.fixture(scope="module")
def guarded(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    state = tmp_path_factory.mktemp("state")
    file = KeyFile(state / "keys.json")
    keys = {
        "infer": file.add("ward 3", ["infer"]).text,
        "admin": file.add("deployment", ["admin"]).text,
        "expired": file.add("left", ["infer"], lifetime=timedelta(seconds=-1)).text,
        "slow": file.add("student", ["infer"], rate_per_minute=2).text,
    }
    with running(pristine_store, state) as service:
        yield Guarded(service, **keys)


def test_a_key_lets_in_by_either_header(guarded: Guarded) -> None:
    assert guarded.classify(Authorization=f"Bearer {guarded.infer}").status_code == 200
    assert guarded.classify(**{"X-API-Key": guarded.infer}).status_code == 200


def test_the_log_says_by_its_id_which_key_a_request_had_and_never_the_key(guarded: Guarded) -> None:
    asked = {"mine": guarded.infer, "nobody-s": "wrong"}
    for request_id, key in asked.items():
        guarded.classify(**{"X-API-Key": key, "X-Request-Id": request_id})
    found = parsed(guarded.infer)
    assert found is not None
    assert guarded.service.request("mine")["key"] == found[0]
    assert guarded.service.request("nobody-s")["key"] is None
    assert found[1] not in guarded.service.log


def test_without_a_valid_key_nobody_is_let_in(guarded: Guarded) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": guarded.infer[:-1] + "!"}):
        answer = guarded.classify(**headers)
        check_problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    check_problem(guarded.classify(**{"X-API-Key": guarded.expired}), 401, "key_expired")
    for path in ("/models", "/models/classifier", "/models/classifier/versions/1"):
        check_problem(guarded.service.client.get(path), 401, "unauthorized")


def test_a_scope_allows_what_it_names(guarded: Guarded) -> None:
    check_problem(guarded.classify(**{"X-API-Key": guarded.admin}), 403, "insufficient_scope")

    def move(key: str) -> httpx.Response:
        return guarded.service.client.put(
            "/models/classifier/labels/stable", json={"version": 1}, headers={"X-API-Key": key}
        )

    check_problem(move(guarded.infer), 403, "insufficient_scope")
    assert move(guarded.admin).status_code == 200


def test_who_asks_too_often_is_told_when_to_come_back(guarded: Guarded) -> None:
    answers = [guarded.classify(**{"X-API-Key": guarded.slow}) for _ in range(4)]
    refused = next(answer for answer in answers if answer.status_code != 200)
    problem = check_problem(refused, 429, "rate_limited")
    assert problem["retryable"] is True
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_what_watches_the_service_needs_no_key(guarded: Guarded) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/problems/unauthorized"):
        assert guarded.service.client.get(path).status_code == 200


def test_no_key_is_in_the_log(guarded: Guarded) -> None:
    guarded.classify(**{"X-API-Key": guarded.infer})
    secret = guarded.infer.rsplit("_", 1)[1]
    assert secret not in guarded.service.log
    assert not guarded.service.events("no_keys")


def test_a_key_that_came_and_went_while_nobody_asked_has_closed_it(pristine_store: Path, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    with running(pristine_store, tmp_path) as service:
        assert service.client.get("/models").status_code == 200
        issued = file.add("clinic", ["infer"])
        deadline = time.monotonic() + 60
        while not service.events("keys_read"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        file.revoke(issued.id)
        check_problem(service.client.get("/models"), 401, "unauthorized")


def test_a_key_that_is_revoked_through_a_link_is_revoked(pristine_store: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "mounted" / "keys.json", tmp_path / "keys.json"
    issued, kept = KeyFile(target).add("clinic", ["infer"]), KeyFile(target).add("kept", ["infer"])
    link.symlink_to(target)
    with running(pristine_store, tmp_path, KEYS=str(target)) as service:
        KeyFile(link).revoke(issued.id)
        time.sleep(1)
        check_problem(service.client.get("/models", headers={"X-API-Key": issued.text}), 401, "unauthorized")
        assert service.client.get("/models", headers={"X-API-Key": kept.text}).status_code == 200


def test_an_id_that_is_there_twice_lets_nobody_in(pristine_store: Path, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    issued = file.add("clinic", ["infer"])
    entry = file.path.read_text().strip().removeprefix("{").removesuffix("}")
    file.path.write_text("{" + entry + "," + entry.replace("infer", "admin") + "}")
    with running(pristine_store, tmp_path, ready=False) as service:
        answer = service.client.put(
            "/models/classifier/labels/next", json={"version": 1}, headers={"X-API-Key": issued.text}
        )
        check_problem(answer, 503, "keys_unreadable")
        assert service.events("keys_unreadable")[0]["reason"].endswith(f"{issued.id} stands there twice.")


def test_a_key_file_that_goes_away_opens_nothing(pristine_store: Path, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    file.add("clinic", ["infer"])
    with running(pristine_store, tmp_path) as service:
        file.path.unlink()
        answer = service.client.post("/classify", content=DATA, headers={"Content-Type": "image/png"})
        check_problem(answer, 401, "unauthorized")
