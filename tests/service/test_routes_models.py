import errno
import os
import shutil
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.errors import RefusedForNow, UnknownVersion
from model_store.labels import Labels
from model_store.manifest import Golden
from model_store.publish import publish
from model_store.store import Store
from service.engine import Engine
from service.routes_models import describe_model, describe_models, describe_version
from service.settings import Settings
from service.versions import LOOK_SECONDS
from tests.running_service import running
from tests.service.damage import DAMAGE
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import MELANOMA, add_classifier, picture, png

FILES = {"file": png(picture(MELANOMA))}


def versions(client: httpx.Client, name: str = "classifier") -> dict[int, dict[str, Any]]:
    """How they stand when all were tried, which takes longer than the service waits where a machine is busy."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        shown = listed(client, name)
        if "loading" not in {version["state"] for version in shown.values()}:
            return shown
        time.sleep(0.1)
    raise AssertionError("trials take too long")


def listed(client: httpx.Client, name: str = "classifier") -> dict[int, dict[str, Any]]:
    models = {model["name"]: model for model in client.get("/models").json()["models"]}
    return {version["version"]: version for version in models[name]["versions"]}


def test_every_model_with_its_labels_and_versions(client: httpx.Client, pristine_store: Path) -> None:
    versions(client)
    answer = client.get("/models").json()
    assert [model["name"] for model in answer["models"]] == ["classifier", "grader"]
    classifier = answer["models"][0]
    digest = Store(pristine_store).open("classifier", 1).digest
    assert classifier["labels"] == {
        "stable": {"version": 1, "digest": digest, "serving": 1, "trouble": None, "share": None}
    }
    first, second = classifier["versions"]
    assert first.keys() == {"version", "state", "reason", "digest", "labels", "runtime", "precision"}
    assert (first["version"], first["state"], first["labels"], first["digest"]) == (1, "serving", ["stable"], digest)
    assert second["state"] in {"available", "serving"}
    assert client.get("/models/classifier").json()["labels"] == classifier["labels"]


def test_another_version_of_the_same_number_has_not_the_label(store: Path, state: Path) -> None:
    Labels(Store(store), state).move("classifier", "canary", 2)
    shutil.rmtree(store / "classifier" / "2")
    other = add_classifier(Store(store), seed=3)
    with running(store, state) as service:
        second = versions(service.client)[2]
        assert (second["digest"], second["state"], second["labels"]) == (other.digest, "available", [])
        canary = service.client.get("/models/classifier").json()["labels"]["canary"]
        assert canary["serving"] is None
        assert "was asked for" in canary["trouble"]


def test_a_version_with_its_manifest(client: httpx.Client, pristine_store: Path) -> None:
    answer = client.get("/models/grader/versions/1").json()
    stored = Store(pristine_store).open("grader", 1)
    assert answer["digest"] == stored.digest
    assert answer["manifest"] == stored.manifest.model_dump(mode="json")
    assert answer["manifest"]["classifier"]["digest"] == Store(pristine_store).open("classifier", 1).digest


def test_what_is_not_there(client: httpx.Client) -> None:
    for name in ("nothing", "labels.json", "%2e%2e", "classifier%00"):
        assert client.get(f"/models/{name}").status_code == 404
    check_problem(client.get("/models/nothing"), 404, "unknown_model")
    check_problem(client.get("/models/nothing/versions/1"), 404, "unknown_model")
    check_problem(client.get("/models/classifier/versions/99"), 404, "unknown_version")
    check_problem(client.get("/models/classifier/versions/0"), 404, "unknown_version")
    check_problem(client.get("/models/classifier/versions/one"), 400, "invalid_parameter")


def test_damaged_versions_are_shown_with_the_reason_and_never_answer(store: Path, state: Path) -> None:
    opened = Store(store)
    add_classifier(opened, golden=[Golden(file="golden/00.png", outputs={"probability": [0.001]})])
    reasons = {3: "golden/00.png: probability is off by"}
    for number, (damage, _) in enumerate(DAMAGE.values(), start=4):
        shutil.copytree(store / "classifier" / "2", store / "classifier" / str(number))
        _renumber(store / "classifier" / str(number), number)
        damage(store / "classifier" / str(number))
    with running(store, state) as service:
        shown = versions(service.client)
        assert shown[1]["state"] == "serving"
        assert shown[2]["state"] == "available"
        for number in range(3, 4 + len(DAMAGE)):
            assert shown[number]["state"] == "refused", shown[number]
            problem = check_problem(
                service.client.post(f"/classify?version={number}", files=FILES), 503, "version_refused"
            )
            assert problem["detail"] == shown[number]["reason"]
            assert not problem["retryable"]
            single = service.client.get(f"/models/classifier/versions/{number}").json()
            assert (single["state"], single["manifest"]) == ("refused", None)
        assert shown[3]["reason"].startswith(reasons[3])
        assert service.client.post("/classify", files=FILES).json()["model"]["version"] == 1


def test_a_version_that_training_publishes_is_served_without_a_restart(store: Path, state: Path) -> None:
    with running(store, state) as service:
        check_problem(service.client.post("/classify?version=3", files=FILES), 404, "unknown_version")
        published = add_classifier(Store(store), seed=5)
        versions(service.client)
        answer = service.client.post("/classify?version=3", files=FILES).json()
        assert answer["model"]["sha256"] == published.digest
        assert versions(service.client)[3]["state"] == "serving"


def _renumber(version: Path, number: int) -> None:
    """A copy must not be refused for its number alone."""
    manifest = version / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"version": 2', f'"version": {number}', 1), "utf-8")


def _with_documents(store: Path) -> None:
    """classifier/3 with what people read."""
    opened = Store(store)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(store / "classifier" / "1", folder, dirs_exist_ok=True)
        path = Path(folder)
        (path / "manifest.json").unlink()
        (path / "report").mkdir()
        (path / "model_card.md").write_text("# classifier/3\n")
        (path / "LICENSE").write_text("CC0\n")
        (path / "report" / "roc.png").write_bytes(png(picture(MELANOMA)))
        (path / "report" / "index.html").write_text('<img src="roc.png">')
        manifest = opened.open("classifier", 1).manifest
        publish(opened, path, manifest.model_copy(update={"version": 3, "files": {}}))


def test_what_people_read_of_a_version(store: Path, state: Path) -> None:
    _with_documents(store)
    with running(store, state) as service:
        base = "/models/classifier/versions/3/files"
        for file, media_type, text in (
            ("model_card.md", "text/markdown; charset=utf-8", "# classifier/3\n"),
            ("LICENSE", "text/plain; charset=utf-8", "CC0\n"),
            ("report/index.html", "text/html; charset=utf-8", '<img src="roc.png">'),
        ):
            answer = service.client.get(f"{base}/{file}")
            assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, media_type, text)
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert service.client.get(f"{base}/report/roc.png").content == png(picture(MELANOMA))
        for file in ("saved_model.pb", "variables/variables.index", "manifest.json", "nothing.md", "..%2f1%2fLICENSE"):
            check_problem(service.client.get(f"{base}/{file}"), 404, "not_found")
        check_problem(service.client.get("/models/classifier/versions/9/files/LICENSE"), 404, "unknown_version")
        check_problem(service.client.get("/models/none/versions/1/files/LICENSE"), 404, "unknown_model")
        (store / "classifier" / "3" / "LICENSE").write_text("mine\n")
        check_problem(service.client.get(f"{base}/LICENSE"), 503, "version_refused")


def test_a_version_that_crashes_what_tries_it_takes_nothing_else_down(store: Path, state: Path) -> None:
    with running(store, state) as service, ThreadPoolExecutor(1) as pool:
        listing = pool.submit(lambda: versions(service.client))
        os.kill(child_of(service.process.pid), signal.SIGKILL)
        shown = listing.result(240)
        assert shown[2]["state"] == "refused"
        assert shown[2]["reason"] == "The process that tried it ended by signal 9."
        assert service.client.post("/classify", files=FILES).status_code == 200
        check_problem(service.client.post("/classify?version=2", files=FILES), 503, "version_refused")


def test_stopping_ends_trials(store: Path, state: Path) -> None:
    with running(store, state) as service, ThreadPoolExecutor(1) as pool:
        listing = pool.submit(lambda: listed(service.client))
        child = child_of(service.process.pid)
        assert service.stop() == 0
        assert not Path(f"/proc/{child}").exists()
        assert listing.exception(120) is None, "what had begun is answered"


def child_of(pid: int) -> int:
    """The process that it started, once there is one."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for task in Path(f"/proc/{pid}/task").iterdir():
            if children := (task / "children").read_text().split():
                return int(children[0])
        time.sleep(0.002)
    raise AssertionError("it started no process")


def test_what_people_read_of_a_version_that_is_being_tried_can_be_asked_for_again(store: Path, state: Path) -> None:
    _with_documents(store)
    file = "/models/classifier/versions/3/files/model_card.md"
    with running(store, state) as service, ThreadPoolExecutor(1) as pool:
        listing = pool.submit(lambda: versions(service.client))
        child = child_of(service.process.pid)
        os.kill(child, signal.SIGSTOP)
        problem = check_problem(service.client.get(file), 503, "not_ready")
        assert problem["detail"] == "Version 3 of classifier is being tried."
        assert problem["retryable"]
        os.kill(child, signal.SIGCONT)
        assert listing.result(240)[3]["state"] == "available"
        assert service.client.get(file).text == "# classifier/3\n"


def test_a_model_that_cannot_be_looked_into_is_told(store: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    engine = Engine(Settings(store=store, state=state))
    monkeypatch.setattr(Store, "versions", denied)
    with pytest.raises(RefusedForNow, match="It cannot be read: Permission denied"):
        describe_model(engine, "grader")
    monkeypatch.setattr(Store, "names", denied)
    for look in (lambda: describe_models(engine), lambda: describe_version(engine, "grader", 1)):
        with pytest.raises(RefusedForNow):
            look()


def test_who_asks_for_a_version_that_is_not_there_waits_for_no_trial(store: Path, state: Path) -> None:
    engine = Engine(Settings(store=store, state=state))
    ends = threading.Event()
    engine.versions._looks.submit(ends.wait)  # as while others are being tried
    with ThreadPoolExecutor(1) as pool, pytest.raises(UnknownVersion):
        pool.submit(lambda: describe_version(engine, "classifier", 99)).result(60)
    ends.set()


def test_a_trial_that_takes_long_keeps_nobody_from_looking(store: Path, state: Path) -> None:
    """As where a machine is busy, since trials give way to everything else."""
    with running(store, state) as service, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(lambda: listed(service.client)) for _ in range(2)]
        child = child_of(service.process.pid)
        os.kill(child, signal.SIGSTOP)
        for one in asked:
            shown = one.result(LOOK_SECONDS + 60)
            assert [shown[number]["state"] for number in (1, 2)] == ["serving", "loading"]
        os.kill(child, signal.SIGCONT)
        assert versions(service.client)[2]["state"] == "available"
