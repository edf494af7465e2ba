import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from model_store.labels import Labels
from model_store.store import Store
from tests.running_service import Service, running
from tests.service.damage import flip_a_byte
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, picture, png

FILES = {"file": png(picture(MELANOMA))}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_ready(service: Service) -> None:
    until(lambda: service.client.get("/readyz").status_code == 200)


def test_ready_says_what_was_tried(client: httpx.Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "models": [
            {"name": "classifier", "version": 1, "state": "serving", "reason": None, "golden": 4},
            {"name": "grader", "version": 1, "state": "serving", "reason": None, "golden": 4},
        ],
    }
    assert client.get("/livez").json() == {"status": "live"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_what_watches_may_ask_for_the_head_alone(client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == client.get(path).headers["content-type"]


def test_a_service_whose_stable_version_is_damaged_lives_and_is_not_ready(
    store: Path, state: Path, pristine_store: Path
) -> None:
    flip_a_byte(store / "classifier" / "1")
    with running(store, state, ready=False) as service:
        assert service.client.get("/livez").status_code == 200
        problem = check_problem(service.client.get("/readyz"), 503, "not_ready")
        assert "was changed" in str(problem["detail"])
        models = service.client.get("/readyz").json()["models"]
        assert [(model["name"], model["state"]) for model in models] == [
            ("classifier", "refused"),
            ("grader", "refused"),
        ]
        for path in ("/classify", "/grade"):
            check_problem(service.client.post(path, files=FILES), 503, "version_refused")
        assert service.client.post("/classify?version=2", files=FILES).status_code == 200
        assert service.events("refused")

        shutil.rmtree(store / "classifier" / "1")
        shutil.copytree(pristine_store / "classifier" / "1", store / "classifier" / "1")
        until_ready(service)
        assert service.client.post("/grade", files=FILES).status_code == 200


def test_a_service_without_any_version_lives_and_is_not_ready(tmp_path: Path, state: Path) -> None:
    empty = tmp_path / "models"
    empty.mkdir()
    with running(empty, state, ready=False) as service:
        assert service.client.get("/livez").status_code == 200
        check_problem(service.client.get("/readyz"), 503, "not_ready")
        for path in ("/classify", "/grade", "/classify/batch"):
            name = "files" if path.endswith("batch") else "file"
            problem = check_problem(service.client.post(path, files={name: FILES["file"]}), 503, "not_ready")
            assert problem["retryable"] is True
        check_problem(service.client.post("/classify?label=stable", files=FILES), 404, "unknown_label")
        check_problem(service.client.post("/classify?version=1", files=FILES), 404, "unknown_model")
        assert service.client.get("/models").json() == {"models": []}
        (warned,) = service.events("nothing_to_serve")
        assert (warned["level"], warned["store"]) == ("warning", str(empty))
        assert warned["reason"] == "The store has no model."


def test_a_store_that_loses_its_stable_version_is_told_of_and_one_that_has_it_is_not(store: Path, state: Path) -> None:
    with running(store, state) as service:
        assert not service.events("nothing_to_serve")
        labels = store / "labels.json"
        kept = labels.read_text("utf-8")
        labels.unlink()
        until(lambda: bool(service.events("nothing_to_serve")))
        check_problem(service.client.post("/classify", files=FILES), 503, "not_ready")
        assert service.client.post("/classify?version=1", files=FILES).status_code == 200
        labels.write_text(kept, "utf-8")
        until_ready(service)
        assert service.client.post("/classify", files=FILES).status_code == 200
        (warned,) = service.events("nothing_to_serve")
        assert warned["reason"] == "No version of classifier is labelled 'stable'."


def test_a_store_without_a_grader_says_so_of_grades(store: Path, state: Path) -> None:
    (store / "labels.json").unlink()
    Labels(Store(store), store).move("classifier", "stable", 1)
    with running(store, state) as service:
        check_problem(service.client.post("/grade", files=FILES), 404, "unknown_label")
        assert not service.events("nothing_to_serve")


def test_damaged_labels_make_it_not_ready_until_they_are_repaired(store: Path, state: Path) -> None:
    with running(store, state) as service:
        Labels(Store(store), state).move("classifier", "stable", 1)
        good = (state / "labels.json").read_text("utf-8")
        (state / "labels.json").write_text(good[:-10], "utf-8")
        until(lambda: service.client.get("/readyz").status_code == 503)
        check_problem(service.client.get("/readyz"), 503, "not_ready")
        check_problem(service.client.post("/classify", files=FILES), 503, "labels_unreadable")
        check_problem(service.client.get("/models"), 503, "labels_unreadable")
        assert service.client.post("/classify?version=1", files=FILES).status_code == 200
        (state / "labels.json").unlink()
        (state / "labels.json").mkdir()  # what cannot be read at all
        for path in ("/models", "/models/classifier", "/models/classifier/versions/1"):
            problem = check_problem(service.client.get(path), 503, "labels_unreadable")
            assert "labels.json cannot be read" in str(problem["detail"])
        move = service.client.put("/models/classifier/labels/stable", json={"version": 1})
        check_problem(move, 503, "labels_unreadable")
        (state / "labels.json").rmdir()
        (state / "labels.json").write_text(good, "utf-8")
        until_ready(service)


def test_each_version_is_logged_once_when_it_serves(pristine_store: Path, state: Path) -> None:
    with running(pristine_store, state) as service:
        until(lambda: len(service.events("serving")) == 2)  # each is logged just after it serves
        assert sorted(event["model"] for event in service.events("serving")) == ["classifier", "grader"]
