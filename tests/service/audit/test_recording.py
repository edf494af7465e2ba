"""Rows of requests to the running service."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.postgres import Postgres
from service import VERSION
from service.app import create_app
from service.audit.address import Address
from service.settings import Settings
from tests.running_service import Service, running
from tests.service.audit.conftest import emptied
from tests.service.audit.trails import rows, verified
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import BENIGN, MELANOMA, picture, png

IMAGE = png(picture(MELANOMA))
PNG = {"Content-Type": "image/png"}


def of(client: httpx.Client, request_id: str) -> list[dict[str, Any]]:
    """The rows of a request, by `item`."""
    found: list[dict[str, Any]] = client.get("/audit", params={"request_id": request_id}).json()["rows"]
    return found[::-1]


def asked(client: httpx.Client, path: str, **options: Any) -> tuple[httpx.Response, list[dict[str, Any]]]:
    answer = client.post(path, **options)
    return answer, of(client, answer.headers["x-request-id"])


def test_an_answer_has_its_row(client: httpx.Client) -> None:
    answer, (row,) = asked(client, "/classify?label=stable", content=IMAGE, headers=PNG)
    told = answer.json()
    assert row["image_sha256"] == hashlib.sha256(IMAGE).hexdigest() == told["image"]["sha256"]
    assert (row["image_bytes"], row["media_type"], row["width"], row["height"]) == (len(IMAGE), "image/png", 224, 224)
    model = told["model"]
    assert (row["model"], row["version"], row["model_sha256"]) == (model["name"], model["version"], model["sha256"])
    assert (row["runtime"], row["precision"], row["asked"]) == (model["runtime"], model["precision"], "label=stable")
    assert (row["decision"], row["probability"]) == (told["decision"], told["probability"])
    assert row["threshold"] == told["operating_point"]["threshold"]
    assert row["operating_point"] == told["operating_point"]["name"]
    assert (row["event"], row["route"], row["status"], row["code"]) == ("image", "/classify", 200, None)
    assert (row["principal"], row["software"]) == (None, VERSION)
    assert {"receive", "wait", "decode", "run", "write"} == set(json.loads(row["phases_ms"]))
    assert row["detail"] is None


def test_a_grade_has_its_row(client: httpx.Client) -> None:
    answer, (row,) = asked(client, "/grade", content=IMAGE, headers=PNG)
    told = answer.json()
    assert (row["model"], row["stage"]) == ("grader", told["grade"]["stage"])
    assert row["decision"] == told["classification"]["decision"]
    _, (row,) = asked(client, "/grade", content=png(picture(BENIGN)), headers=PNG)
    assert (row["decision"], row["stage"]) == ("benign", None)
    assert json.loads(row["detail"]) == {
        "withheld": "The lesion was classified as benign; a stage grade has meaning only for a melanoma."
    }
    answer, (row,) = asked(client, "/grade?always=true", content=png(picture(BENIGN)), headers=PNG)
    assert json.loads(row["detail"]) == {"caveat": answer.json()["grade"]["caveat"]}


def test_each_image_of_a_batch_has_its_row(client: httpx.Client) -> None:
    files = [("files", IMAGE), ("files", b"no image"), ("files", png(picture(BENIGN)))]
    _, found = asked(client, "/classify/batch", files=files)
    assert [(row["item"], row["status"], row["code"], row["decision"]) for row in found] == [
        (0, 200, None, "malignant"), (1, 415, "unsupported_image_type", None), (2, 200, None, "benign")
    ]  # fmt: skip
    assert [row["image_sha256"] for row in found] == [hashlib.sha256(data).hexdigest() for _, data in files]


def test_a_refusal_says_of_which_image_and_why(client: httpx.Client) -> None:
    _, (row,) = asked(client, "/classify", content=IMAGE[:200], headers=PNG)
    assert (row["status"], row["code"], row["decision"]) == (422, "corrupt_image", None)
    assert row["image_sha256"] == hashlib.sha256(IMAGE[:200]).hexdigest()
    _, (row,) = asked(client, "/classify?version=99", content=IMAGE, headers=PNG)
    assert (row["status"], row["code"], row["model"], row["asked"]) == (404, "unknown_version", None, None)
    _, (row,) = asked(client, "/classify?label=HIDDEN", content=IMAGE, headers=PNG)
    assert "HIDDEN" not in str(row)


def test_a_label_that_was_moved_and_the_trail_that_was_read_have_rows(store: Path, state: Path) -> None:
    with running(store, state) as service:
        client = service.client
        client.put("/models/classifier/labels/canary", json={"version": 2, "share": 0.5})
        client.get("/audit")
        read, moved = client.get("/audit", params={"until": "2100-01-01T00:00:00Z"}).json()["rows"]
        assert (read["event"], moved["event"]) == ("read", "label")
        assert '"label": "canary", "version": 2' in moved["detail"]
        assert service.stop() == 0
    assert verified(Address(f"sqlite:///{state / 'audit.db'}")).intact


def test_who_is_not_let_in_is_summed_up(client: httpx.Client, service: Service) -> None:
    for _ in range(5):
        assert client.post("/grade?unknown=1", content=IMAGE, headers=PNG).status_code == 400
    client.post("/nowhere", content=IMAGE)

    def sums() -> list[dict[str, Any]]:
        params = {"event": "refusals", "code": "unknown_parameter"}
        found: list[dict[str, Any]] = client.get("/audit", params=params).json()["rows"]
        return found

    until(sums)
    assert all((row["image_sha256"], row["status"]) == (None, None) for row in sums())


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def status(client: httpx.Client) -> int:
    return client.post("/classify", content=IMAGE, headers=PNG).status_code


def test_nothing_is_answered_while_the_database_is_away(pristine_store: Path, state: Path, server: Postgres) -> None:
    address = emptied(server)
    with running(pristine_store, state, AUDIT_URL=server.url) as service:
        client = service.client
        assert status(client) == 200
        server.stop()
        try:
            problem = check_problem(client.post("/classify", content=IMAGE, headers=PNG), 503, "audit_unavailable")
            assert problem["retryable"] is True
            detail = check_problem(client.get("/readyz"), 503, "not_ready")["detail"]
            assert str(detail).startswith("Not ready. The audit trail cannot be written: ")
            assert client.get("/livez").status_code == 200
            check_problem(client.get("/audit"), 503, "audit_unavailable")
            assert "melanoserve_audit_available 0.0" in client.get("/metrics").text
        finally:
            server.start()
        until(lambda: client.get("/readyz").status_code == 200)
        assert status(client) == 200
        assert len(service.events("audit_failed")) == 1
    found = [row for row in rows(address) if row["event"] == "image"]
    assert [row["status"] for row in found] == [200, 200]
    assert [row["times"] for row in rows(address) if row["code"] == "audit_unavailable"], "refusals have their sum"
    assert verified(address).intact


def test_it_answers_without_a_row_only_if_it_is_told_to(pristine_store: Path, state: Path) -> None:
    (state / "audit.db").mkdir(parents=True)
    with running(pristine_store, state, AUDIT="preferred") as service:
        assert status(service.client) == 200
        assert "melanoserve_audit_lost_total 1.0" in service.client.get("/metrics").text
        assert service.events("audit_lost")[0]["reason"] == "IsADirectoryError Is a directory"


def test_where_nothing_is_recorded_there_is_nothing_to_read(pristine_store: Path, state: Path) -> None:
    app = create_app(Settings(store=pristine_store, state=state, audit="off"))

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return await client.get("/audit")

    check_problem(asyncio.run(get()), 404, "not_found")
    assert not state.exists()
