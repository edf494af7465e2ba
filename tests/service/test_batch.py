"""Several images in one request, over a real socket."""

import io
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import BENIGN, GREY, MELANOMA, OTHER_MALIGNANT, picture, png

PNG = {"Content-Type": "image/png"}
COLOURS = (MELANOMA, OTHER_MALIGNANT, BENIGN, GREY)
SAME = ("decision", "probability", "classes", "differential", "image", "model", "intended_use")


def _files(*data: bytes, field: str = "files", media_type: str = "image/png") -> list[Any]:
    return [(field, (f"patient-{number}.png", io.BytesIO(part), media_type)) for number, part in enumerate(data)]


def _batch(client: httpx.Client, *data: bytes, path: str = "/classify/batch", **query: Any) -> dict[str, Any]:
    answer = client.post(path, files=_files(*data), params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert [item["index"] for item in body["items"]] == list(range(len(data)))
    return body


@pytest.fixture(scope="module")
def bounded(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Three files of a batch, 500 kB together, 200 kB each."""
    state = tmp_path_factory.mktemp("state")
    limits = {
        "MELANOSERVE_MAX_BATCH_FILES": "3",
        "MELANOSERVE_MAX_BATCH_BYTES": "500000",
        "MELANOSERVE_MAX_BYTES": "200000",
    }
    with running(pristine_store, state, variables=limits) as service:
        yield service


def test_each_answer_is_the_one_that_the_image_gets_alone(client: httpx.Client) -> None:
    images = [png(picture(COLOURS[seed % 4], seed)) for seed in range(12)]
    body = _batch(client, *images)
    assert (body["answered"], body["failed"]) == (12, 0)
    for data, item in zip(images, body["items"], strict=True):
        alone = client.post("/classify", content=data, headers=PNG).json()
        assert (item["status"], item["problem"]) == (200, None)
        assert {name: item["answer"][name] for name in SAME} == {name: alone[name] for name in SAME}
        assert item["answer"]["request_id"] == body["request_id"]


def test_one_bad_file_does_not_fail_the_others(client: httpx.Client) -> None:
    good = png(picture(MELANOMA))
    body = _batch(client, good, b"text", good[:-40], b"", png(picture(BENIGN)))
    assert (body["answered"], body["failed"]) == (2, 3)
    codes = [item["problem"] and item["problem"]["code"] for item in body["items"]]
    assert codes == [None, "unsupported_image_type", "corrupt_image", "empty_image", None]
    assert [item["status"] for item in body["items"]] == [200, 415, 422, 422, 200]
    assert [item["answer"] is None for item in body["items"]] == [False, True, True, True, False]
    assert all(item["problem"]["request_id"] == body["request_id"] for item in body["items"] if item["problem"])


def test_a_file_that_is_declared_as_something_else_fails_alone(client: httpx.Client) -> None:
    good = png(picture(MELANOMA))
    files = [*_files(good), *_files(good, media_type="application/pdf"), *_files(good)]
    body = client.post("/classify/batch", files=files).json()
    assert [item["status"] for item in body["items"]] == [200, 415, 200]
    assert body["items"][1]["problem"]["code"] == "unsupported_media_type"


def test_grades_come_in_batches_too(client: httpx.Client) -> None:
    body = _batch(client, png(picture(MELANOMA)), png(picture(BENIGN)), path="/grade/batch", always=True, explain=True)
    for item in body["items"]:
        assert item["answer"]["grade"]["stage"] in {1, 2, 3}
        assert item["answer"]["ajcc"] is None
        assert item["answer"]["classification"]["explanation"]["heatmap_png"]


def test_pathology_is_of_one_lesion(client: httpx.Client) -> None:
    answer = client.post("/grade/batch", params={"breslow_mm": 1.4}, files=_files(png(picture(MELANOMA))))
    check_problem(answer, 400, "unknown_parameter")


def test_what_cannot_be_asked_fails_the_whole(client: httpx.Client) -> None:
    files = _files(png(picture(MELANOMA)))
    unknown = client.post("/classify/batch", params={"operating_point": "none such"}, files=files)
    check_problem(unknown, 400, "unknown_operating_point")
    damaged = client.post("/classify/batch", params={"operating_point": "none such"}, files=_files(b"x", b"y"))
    check_problem(damaged, 400, "unknown_operating_point")
    check_problem(client.post("/classify/batch", params={"version": 99}, files=_files(b"x")), 404, "unknown_version")


def test_a_batch_is_a_form_of_files(client: httpx.Client) -> None:
    data = png(picture(MELANOMA))
    raw = client.post("/classify/batch", content=data, headers=PNG)
    check_problem(raw, 415, "unsupported_media_type")
    check_problem(client.post("/classify/batch", files=_files(data, field="file")), 400, "unexpected_field")
    form = {"Content-Type": "multipart/form-data; boundary=B"}
    empty = client.post("/classify/batch", content=b"--B--\r\n", headers=form)
    check_problem(empty, 400, "missing_file")


def test_too_many_files_and_too_many_bytes_are_refused(bounded: Service) -> None:
    small = png(picture(MELANOMA))[:1000]
    check_problem(bounded.client.post("/classify/batch", files=_files(*[small] * 4)), 413, "too_many_files")
    large = b"x" * 190_000
    check_problem(bounded.client.post("/classify/batch", files=_files(large, large, large)), 413, "body_too_large")
    assert bounded.client.get("/readyz").status_code == 200


def test_files_of_exactly_the_limit_together_are_taken_and_one_byte_more_is_not(bounded: Service) -> None:
    files = [b"x" * 200_000, b"x" * 200_000, b"x" * 100_000]
    assert [item["status"] for item in _batch(bounded.client, *files)["items"]] == [415] * 3
    answer = bounded.client.post("/classify/batch", files=_files(*files[:2], files[2] + b"x"))
    assert "500000 bytes" in str(check_problem(answer, 413, "body_too_large")["detail"])


def test_a_file_that_is_too_large_fails_alone_and_is_not_kept(bounded: Service) -> None:
    body = _batch(bounded.client, png(picture(MELANOMA)), b"x" * 250_000, png(picture(BENIGN)))
    assert [item["status"] for item in body["items"]] == [200, 413, 200]
    assert body["items"][1]["problem"]["code"] == "image_too_large"


def test_names_of_files_are_nowhere(service: Service) -> None:
    answer = service.client.post("/classify/batch", files=_files(png(picture(MELANOMA)), b"text"))
    service.request(answer.json()["request_id"])
    assert "patient-" not in answer.text
    assert "patient-" not in service.log


def test_images_of_batches_are_counted_and_logged(service: Service) -> None:
    def counted() -> dict[str, float]:
        lines = [line for line in service.client.get("/metrics").text.splitlines() if line[:1] not in {"#", ""}]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    before = counted()
    body = _batch(service.client, png(picture(MELANOMA)), b"text", png(picture(MELANOMA, 2)))
    line = service.request(body["request_id"])
    assert (line["path"], line["status"], line["code"]) == ("/classify/batch", 200, None)
    assert line["phases_ms"].keys() >= {"receive", "decode", "run"}
    after = counted()
    for name, more in (
        ('melanoserve_batch_items_total{code=""}', 2),
        ('melanoserve_batch_items_total{code="unsupported_image_type"}', 1),
        ('melanoserve_decisions_total{decision="malignant",model="classifier",version="1"}', 2),
        ('melanoserve_requests_total{code="",endpoint="/classify/batch",outcome="ok"}', 1),
    ):
        assert after[name] - before.get(name, 0) == more, name


def test_a_single_image_need_not_wait_for_a_whole_batch(service: Service) -> None:
    many = [png(picture(COLOURS[seed % 4], seed)) for seed in range(60)]
    url = f"{service.client.base_url}/classify"
    with ThreadPoolExecutor(1) as pool:
        for _ in range(5):  # this thread, too, may get no processor until a batch is over
            batch, meanwhile = pool.submit(_batch, service.client, *many), 0
            time.sleep(0.05)
            while not batch.done():
                httpx.post(url, content=many[0], headers=PNG, timeout=60, verify=WITHOUT_TLS)
                meanwhile += not batch.done()
            assert batch.result()["answered"] == 60
            if meanwhile > 2:
                break
    assert meanwhile > 2, "no single images were answered while the batch was worked on"


def test_who_leaves_is_not_worked_for_and_gives_the_place_back(bounded: Service) -> None:
    data = png(picture(MELANOMA))
    url = bounded.client.base_url
    for _ in range(3):
        part = b'--B\r\nContent-Disposition: form-data; name="files"\r\n\r\n' + data + b"\r\n"
        body = part * 3 + b"--B--\r\n"
        head = "POST /classify/batch HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((url.host, url.port or 0), timeout=60) as connection:
            connection.sendall(head.encode() + body)
    deadline = time.monotonic() + 60
    while "melanoserve_in_flight_requests 0.0" not in bounded.client.get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not bounded.events("unhandled")
    assert "never retrieved" not in bounded.log
    assert not bounded.events("event_loop")
