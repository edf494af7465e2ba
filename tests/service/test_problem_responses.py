import asyncio
import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings
from tests.running_service import Service


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """Asserts that an answer is this problem and returns its members."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body: dict[str, object] = answer.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"/problems/{code}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["retryable"] == ("retry-after" in answer.headers)
    return body


def ask(app: FastAPI, method: str, path: str) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.request(method, path)

    return asyncio.run(request())


def test_what_nobody_expected_is_a_problem_that_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings(store=tmp_path))

    @app.get("/fail")
    async def fail() -> None:
        raise RuntimeError("CANARY")

    with caplog.at_level("DEBUG"):
        answer = ask(app, "GET", "/fail")
    check_problem(answer, 500, "internal_error")
    assert "CANARY" not in answer.text
    (failure,) = [record for record in caplog.records if record.msg == "unhandled"]
    fields = vars(failure)["fields"]
    assert fields["error"] == "RuntimeError"
    assert fields["at"][-1].endswith(" fail")
    assert "CANARY" not in caplog.text + json.dumps(fields)


def test_no_such_path(service: Service) -> None:
    for path in ("/nothing", "/classify/", "/models/", "/classify/batches", "/%00", "/docs/assets/none.js"):
        check_problem(service.client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/classify", "POST"), ("HEAD", "/classify", "POST"), ("PATCH", "/models/x/labels/stable", "PUT"),
        ("DELETE", "/models", "GET, HEAD"), ("POST", "/livez", "GET, HEAD"), ("POST", "/docs", "GET, HEAD"),
        ("POST", "/docs/assets/swagger-ui.css", "GET, HEAD"),
    ],
)  # fmt: skip
def test_another_method(service: Service, method: str, path: str, allowed: str) -> None:
    answer = service.client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method == "HEAD":
        assert answer.content == b""
    else:
        assert allowed in str(check_problem(answer, 405, "method_not_allowed")["detail"])


def test_a_problem_s_type_can_be_followed(service: Service) -> None:
    kind = str(service.client.get("/nothing").json()["type"])
    assert service.client.get(kind).json()["status"] == 404
    check_problem(service.client.get("/problems/none"), 404, "not_found")
