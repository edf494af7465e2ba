"""Versions that come, go and fail while requests are answered: over HTTP, under load."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from model_store.labels import Labels
from model_store.store import Store
from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.damage import flip_a_byte
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, add_classifier, add_grader, picture, png

DATA = png(picture(MELANOMA))
PNG = {"Content-Type": "image/png"}
MEMORY_GROWTH = 50_000_000


def classify(service: Service, query: str = "", **headers: str) -> dict[str, Any]:
    answer = service.client.post(f"/classify{query}", content=DATA, headers=PNG | headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def move(service: Service, label: str, version: int, name: str = "classifier", **more: float) -> httpx.Response:
    return service.client.put(f"/models/{name}/labels/{label}", json={"version": version, **more})


def move_at_last(service: Service, label: str, version: int, name: str = "classifier", **more: float) -> httpx.Response:
    """As it is asked to, once the version was tried: on a busy machine that takes longer than a request may."""
    deadline = time.monotonic() + 120
    while (answer := move(service, label, version, name, **more)).status_code == 503 and answer.json()["retryable"]:
        assert time.monotonic() < deadline
    assert answer.status_code == 200, answer.text
    return answer


def version_of(service: Service, query: str = "") -> int:
    return int(classify(service, query)["model"]["version"])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def load(service: Service, clients: int = 4) -> Iterator[Counter[tuple[int, str]]]:
    """Requests from several clients; counts (status, what answered) until the block ends."""
    stop, counted, lock = threading.Event(), Counter[tuple[int, str]](), threading.Lock()

    def ask() -> None:
        with httpx.Client(base_url=service.client.base_url, timeout=60, verify=WITHOUT_TLS) as client:
            while not stop.is_set():
                answer = client.post("/classify", content=DATA, headers=PNG)
                found = answer.json()
                what = "" if answer.status_code != 200 else f"{found['model']['version']} {found['probability']}"
                with lock:
                    counted[answer.status_code, what] += 1

    with ThreadPoolExecutor(clients) as pool:
        tasks = [pool.submit(ask) for _ in range(clients)]
        yield counted
        stop.set()
        for task in tasks:
            task.result()


def test_a_label_moves_and_moves_back_by_put(store: Path, state: Path) -> None:
    with running(store, state) as service:
        assert version_of(service) == 1
        moved = move_at_last(service, "stable", 2)
        assert (moved.json()["version"], moved.json()["serving"], moved.json()["trouble"]) == (2, 2, None)
        assert version_of(service) == 2
        assert service.client.get("/models/classifier").json()["labels"]["stable"]["serving"] == 2
        assert move(service, "stable", 1).status_code == 200
        assert version_of(service) == 1
        assert [event["version"] for event in service.events("label_moved")] == [2, 1]


def test_what_cannot_be_moved_stays(store: Path, state: Path) -> None:
    flip_a_byte(store / "classifier" / "2")
    with running(store, state) as service:
        check_problem(move(service, "stable", 2), 503, "version_refused")
        check_problem(move(service, "stable", 99), 404, "unknown_version")
        check_problem(move(service, "stable", 1, name="nothing"), 404, "unknown_model")
        check_problem(move(service, "St@ble", 1), 404, "unknown_label")
        check_problem(move(service, "canary", 1, share=1.5), 400, "invalid_parameter")
        check_problem(move(service, "canery", 1, share=0.5), 400, "invalid_parameter")
        check_problem(move(service, "canary", 1, shares=0.5), 400, "unknown_parameter")
        for body in ('{"version": true}', '{"version": "1"}', '{"version": 1, "version": 1}', '{"version": 1.0}'):
            sent = service.client.put("/models/classifier/labels/stable", content=body)
            check_problem(sent, 400, "invalid_parameter")
        assert version_of(service) == 1
        assert service.client.get("/readyz").status_code == 200
    with running(store, Path("/proc/melanoserve"), AUDIT="off") as service:  # where not even root can make a folder
        check_problem(move(service, "stable", 1), 503, "state_not_writable")


def test_a_label_that_another_process_moved_is_followed_and_a_refused_one_leaves_the_old_serving(
    store: Path, state: Path
) -> None:
    labels = Labels(Store(store), state)
    with running(store, state) as service:
        labels.move("classifier", "stable", 2)
        until(lambda: version_of(service) == 2)
        third = add_classifier(Store(store), seed=3)
        labels.move("classifier", "stable", 3)
        flip_a_byte(third.path)

        def label_of_stable() -> dict[str, Any]:
            label: dict[str, Any] = service.client.get("/models/classifier").json()["labels"]["stable"]
            return label

        # If it was loaded before the damage came, it serves.
        until(lambda: label_of_stable()["serving"] == 3 or "was changed" in str(label_of_stable()["trouble"]))
        label = label_of_stable()
        ready = service.client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["models"][0]["version"] == label["serving"]


def test_a_directory_that_is_copied_slowly_waits_and_is_available_when_it_is_whole(store: Path, state: Path) -> None:
    whole = add_classifier(Store(store), seed=3)
    parts = sorted(path for path in whole.path.rglob("*") if path.is_file())
    elsewhere = Path(shutil.move(whole.path, state.parent / "3"))
    with running(store, state) as service:
        for path in parts:
            relative = path.relative_to(whole.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(elsewhere / relative, path)
            assert version_of(service) == 1
            if path != parts[-1]:
                answer = service.client.post("/classify?version=3", content=DATA, headers=PNG)
                assert answer.status_code == 503, path
        until(lambda: service.client.post("/classify?version=3", content=DATA, headers=PNG).status_code == 200)
        assert version_of(service, "?version=3") == 3


def test_canary_gets_its_share_and_the_same_request_the_same_version(store: Path, state: Path) -> None:
    with running(store, state) as service:
        assert move_at_last(service, "canary", 2, share=0.3).json()["share"] == 0.3
        answered = [classify(service, **{"X-Request-ID": f"r{number}"})["model"]["version"] for number in range(100)]
        assert 15 < answered.count(2) < 45
        again = [classify(service, **{"X-Request-ID": f"r{number}"})["model"]["version"] for number in range(20)]
        assert again == answered[:20]
        assert {version_of(service, "?label=stable") for _ in range(10)} == {1}
        assert {version_of(service, "?label=canary") for _ in range(5)} == {2}
        assert move(service, "canary", 2, share=0).status_code == 200
        assert {version_of(service) for _ in range(30)} == {1}


def test_fifty_swaps_under_load_lose_nothing_and_every_answer_is_of_one_version(store: Path, state: Path) -> None:
    with running(store, state) as service:
        expected = {f"{n} {classify(service, f'?version={n}')['probability']}" for n in (1, 2)}
        for version in (2, 1):
            move_at_last(service, "stable", version)
        before = service.memory()
        with load(service) as counted:
            for swap in range(50):
                assert move(service, "stable", 2 - swap % 2).status_code == 200
        assert {status for status, _ in counted} == {200}
        assert {what for _, what in counted} == expected
        assert service.memory() - before < MEMORY_GROWTH


def test_a_grade_is_of_the_pair_that_the_grader_pins_while_both_labels_move(store: Path, state: Path) -> None:
    opened = Store(store)
    second = add_grader(opened, opened.open("classifier", 2), seed=2)
    assert second.version == 2
    with running(store, state) as service:

        def pair() -> tuple[int, int]:
            found = service.client.post("/grade", content=DATA, headers=PNG).json()
            return found["model"]["version"], found["classification"]["model"]["version"]

        assert pair() == (1, 1)
        move_at_last(service, "stable", 2)  # the classifier's
        assert pair() == (1, 1)
        move_at_last(service, "stable", 2, name="grader")
        assert pair() == (2, 2)
        move_at_last(service, "stable", 1)
        assert pair() == (2, 2)


def test_a_store_that_is_away_for_a_moment_loses_no_request_and_no_label(store: Path, state: Path) -> None:
    away = store.with_name("away")
    with running(store, state) as service, load(service, clients=2) as counted:
        store.rename(away)
        time.sleep(1.5)
        away.rename(store)
        classifier = (store / "classifier").rename(away)
        move_at_last(service, "beta", 1, name="grader")
        time.sleep(1.5)
        classifier.rename(store / "classifier")
        time.sleep(1.5)
        move_at_last(service, "stable", 2)
        assert version_of(service) == 2
    assert {status for status, _ in counted} == {200}
