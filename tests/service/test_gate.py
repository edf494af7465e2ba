"""A version with a gate, over a real socket: what is unfit is abstained, by every door."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from client import Client
from dermoscopy.prepare import resize
from model_store.labels import Labels
from model_store.store import Store
from service.cli import main
from tests.running_service import Service, running
from tests.tiny_models import GATE, GREEN, MELANOMA, add_classifier, add_grader, picture, png

BLACK = (3, 3, 3)


@pytest.fixture(scope="module")
def gated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("gated") / "models")
    classifier = add_classifier(store, gate=GATE)
    for version in (classifier, add_grader(store, classifier)):
        Labels(store, store.root).move(version.name, "stable", version.version)
    return store.root


@pytest.fixture(scope="module")
def gated(gated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(gated_store, tmp_path_factory.mktemp("state")) as service:
        yield service


def post(service: Service, path: str, *files: bytes, **query: str) -> dict[str, Any]:
    name = "files" if path.endswith("batch") else "file"
    answer = service.client.post(path, files=[(name, ("x.png", data)) for data in files], params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def small() -> bytes:
    return png(resize(Image.fromarray(picture(MELANOMA)))[:40, :40])


@pytest.mark.parametrize(
    ("data", "issues"),
    [
        (png(picture(GREEN)), ["not_dermoscopic"]),
        (png(np.full((224, 224, 3), BLACK, np.uint8)), ["too_dark"]),
        (small(), ["too_small"]),
    ],
)
def test_an_unfit_image_is_abstained_with_its_issues(gated: Service, data: bytes, issues: list[str]) -> None:
    answer = post(gated, "/classify", data, explain="true")
    assert answer["decision"] == "abstained"
    assert answer["quality"] == {"acceptable": False, "issues": issues}
    assert [answer[name] for name in ("probability", "classes", "differential", "explanation")] == [None] * 4
    assert answer["operating_point"]["name"] == "sensitive"


def test_the_trail_says_why_there_is_no_decision(gated: Service) -> None:
    answer = post(gated, "/classify", png(picture(GREEN)))
    (row,) = gated.client.get("/audit", params={"request_id": answer["request_id"]}).json()["rows"]
    assert (row["decision"], json.loads(row["detail"])) == ("abstained", {"issues": ["not_dermoscopic"]})


def test_a_fit_image_is_answered_as_ever(gated: Service) -> None:
    answer = post(gated, "/classify", png(picture(MELANOMA)))
    assert answer["decision"] == "malignant"
    assert answer["quality"] == {"acceptable": True, "issues": []}


def test_an_unfit_image_is_not_graded_whoever_asks(gated: Service) -> None:
    for always in ("false", "true"):
        answer = post(gated, "/grade", png(picture(GREEN)), always=always)
        assert answer["classification"]["decision"] == "abstained"
        assert answer["grade"] is None
        assert "not_dermoscopic" in answer["grade_withheld"]
    assert post(gated, "/grade", png(picture(MELANOMA)))["grade"] is not None


def test_in_a_batch_each_is_answered_as_if_alone(gated: Service) -> None:
    files = [png(picture(GREEN)), png(picture(MELANOMA, 5)), small()]
    alone = [post(gated, "/classify", data) for data in files]
    together = [item["answer"] for item in post(gated, "/classify/batch", *files)["items"]]
    for one, other in zip(alone, together, strict=True):
        assert one | {"request_id": ""} == other | {"request_id": ""}


def test_abstentions_are_counted_by_issue(gated: Service) -> None:
    def count() -> int:
        found = re.search(
            r"melanoserve_abstentions_total{.*issue=\"too_small\".*} (\d+)", gated.client.get("/metrics").text
        )
        return int(found[1]) if found else 0

    before = count()
    request_id = post(gated, "/classify", small())["request_id"]
    gated.request(request_id)
    assert count() == before + 1


def test_the_client_reads_it(gated: Service) -> None:
    with Client(str(gated.client.base_url)) as client:
        answer = client.classify(png(picture(GREEN)))
    assert answer.quality is not None
    assert (answer.decision, answer.probability, answer.quality.issues) == ("abstained", None, ["not_dermoscopic"])


def test_the_command_line_shows_it(gated_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "green.png").write_bytes(png(picture(GREEN)))
    options = ["--store", str(gated_store), "--state", str(tmp_path / "state"), str(tmp_path / "green.png")]
    assert main(["classify", *options]) == 0
    assert re.search(r"abstained +- +not_dermoscopic", capsys.readouterr().out)
    assert main(["classify", "--format", "csv", *options]) == 0
    header, row = capsys.readouterr().out.splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert (cells["decision"], cells["probability"], cells["issues"]) == ("abstained", "", "not_dermoscopic")
