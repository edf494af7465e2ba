import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service.app import create_app
from service.metrics import ENDPOINTS, IMAGE_ENDPOINTS, Metrics
from service.problems import catalogue
from service.settings import Settings
from tests.service.exposed import Exposed

HOSTILE = 'Erika Mustermann" 1\nmelanoserve_x{y="z"} 1\\'


@pytest.fixture(params=["one process", "a shared folder"])
def metrics(request: pytest.FixtureRequest, tmp_path: Path) -> Metrics:
    """Both ways to keep the values must say the same."""
    return Metrics(tmp_path if request.param == "a shared folder" else None, version="1.2")


def exposed(metrics: Metrics) -> Exposed:
    return Exposed(metrics.exposition("")[0])


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, None, "ok"),
        (307, None, "ok"),
        (400, "invalid_parameter", "client_error"),
        (422, "corrupt_image", "client_error"),
        (429, None, "refused"),
        (503, "not_ready", "refused"),
        (503, "version_refused", "server_error"),
        (500, "internal_error", "server_error"),
        (504, None, "server_error"),
        (0, "incomplete_body", "client_error"),
    ],
)
def test_a_request_is_counted_by_outcome_and_reason(
    metrics: Metrics, status: int, code: str | None, outcome: str
) -> None:
    metrics.request("/classify", status, code, 0.02)
    after = exposed(metrics)
    assert after.value("melanoserve_requests_total", endpoint="/classify", outcome=outcome, code=code or "") == 1
    assert sum(after.all("melanoserve_requests_total").values()) == 1
    assert after.value("melanoserve_request_seconds_count", endpoint="/classify") == 1
    assert after.value("melanoserve_request_seconds_sum", endpoint="/classify") == 0.02


def test_refusals_and_faults_begin_at_zero_so_that_the_first_is_seen_by_rate(metrics: Metrics) -> None:
    begun = exposed(metrics)
    for endpoint in IMAGE_ENDPOINTS:
        assert begun.value("melanoserve_requests_total", endpoint=endpoint, outcome="ok", code="") == 0
        for code, kind in catalogue().items():
            outcome = "refused" if kind.status == 503 and kind.retryable else "server_error"
            if kind.status >= 500:
                assert begun.value("melanoserve_requests_total", endpoint=endpoint, outcome=outcome, code=code) == 0


def test_nothing_that_a_client_sends_becomes_a_label_value(metrics: Metrics) -> None:
    before = exposed(metrics)
    for number in range(50):
        metrics.request(f"/classify/{number}{HOSTILE}", 404, f"{HOSTILE}{number}", 0.1)
        metrics.decided("classifier", 1, f"{HOSTILE}{number}", 0.5)
        metrics.graded(1, 100 + number)
    metrics.versions([("classifier", 1, HOSTILE)])
    for accept in ("", f"application/openmetrics-text; version={HOSTILE}"):
        body, media_type = metrics.exposition(accept)
        assert b"Mustermann" not in body
        assert "Mustermann" not in media_type
    after = exposed(metrics)
    assert after.value("melanoserve_requests_total", endpoint="other", outcome="client_error", code="") == 50
    assert after.value("melanoserve_decisions_total", model="classifier", version="1", decision="other") == 50
    assert after.value("melanoserve_grades_total", version="1", stage="other") == 50
    assert len(after.samples) - len(before.samples) < 60


def test_phases_have_buckets_from_half_a_millisecond_to_ten_seconds(metrics: Metrics) -> None:
    metrics.phase("decode", 0.0004)
    metrics.phase("decode", 12.0)
    after = exposed(metrics)
    counts = {le: after.value("melanoserve_phase_seconds_bucket", phase="decode", le=le) for le in ("0.0005", "10.0")}
    assert counts == {"0.0005": 1, "10.0": 1}
    assert after.value("melanoserve_phase_seconds_count", phase="decode") == 2
    assert {dict(labels)["phase"] for labels in after.all("melanoserve_phase_seconds_count")} == {
        "load", "receive", "decode", "wait", "run", "write", "record",
    }  # fmt: skip


def test_scores_fall_into_twenty_equal_buckets_by_version(metrics: Metrics) -> None:
    for step in range(20):
        metrics.decided("classifier", 2, "malignant", step / 20 + 0.01)
    metrics.decided("classifier", 2, "abstained", None)
    after = exposed(metrics)
    version = {"model": "classifier", "version": "2"}
    bounds = [f"{step / 20}" for step in range(1, 21)]
    assert [after.value("melanoserve_probability_bucket", le=le, **version) for le in bounds] == list(range(1, 21))
    assert after.value("melanoserve_decisions_total", decision="malignant", **version) == 20
    assert after.value("melanoserve_decisions_total", decision="abstained", **version) == 1
    assert after.value("melanoserve_decisions_total", decision="benign", **version) == 0
    assert after.value("melanoserve_probability_count", **version) == 20


def test_grades_and_batches(metrics: Metrics) -> None:
    metrics.graded(1, 3)
    metrics.batch(1)
    metrics.batch(3)
    after = exposed(metrics)
    assert after.value("melanoserve_grades_total", version="1", stage="3") == 1
    assert after.value("melanoserve_batch_images_bucket", le="1.0") == 1
    assert after.value("melanoserve_batch_images_sum") == 4


def test_a_version_is_in_one_state_and_one_that_is_gone_in_none(metrics: Metrics) -> None:
    metrics.versions([("classifier", 1, "loading"), ("classifier", 2, "refused")])
    metrics.versions([("classifier", 1, "serving")])
    states = exposed(metrics).all("melanoserve_version_state")
    assert [sorted(dict(labels).items()) for labels, value in states.items() if value] == [
        [("model", "classifier"), ("state", "serving"), ("version", "1")]
    ]


def test_levels_are_what_they_were_last_said_to_be(metrics: Metrics) -> None:
    metrics.limits(64, 10**9)
    metrics.in_flight(3, 5000)
    metrics.in_flight(2, 4000)
    metrics.ready(True)
    after = exposed(metrics)
    assert after.value("melanoserve_limit_requests") == 64
    assert after.value("melanoserve_limit_bytes") == 10**9
    assert after.value("melanoserve_in_flight_requests") == 2
    assert after.value("melanoserve_in_flight_bytes") == 4000
    assert after.value("melanoserve_ready") == 1


def test_the_software_and_the_process_are_described(metrics: Metrics) -> None:
    after = exposed(metrics)
    ((labels, value),) = after.all("melanoserve_build_info").items()
    assert (dict(labels)["version"], value) == ("1.2", 1)
    pid = str(os.getpid())
    assert 10e6 < after.value("process_resident_memory_bytes", pid=pid) < 50e9
    assert after.value("process_cpu_seconds_total", pid=pid) == pytest.approx(time.process_time(), abs=1)
    assert time.time() - 86_400 < after.value("process_start_time_seconds", pid=pid) < time.time()


@pytest.mark.parametrize(
    ("accept", "media_type", "parse"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", parse_text),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", parse_text),
        ("text/plain;version=1.0.0;q=0.5", "text/plain; version=0.0.4; charset=utf-8", parse_text),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            parse_openmetrics,
        ),
    ],
)
def test_the_accept_header_chooses_the_format(
    metrics: Metrics, accept: str, media_type: str, parse: Callable[[str], list[Metric]]
) -> None:
    metrics.request("/grade", 200, None, 0.1)
    metrics.decided("classifier", 1, "benign", 0.1)
    body, given = metrics.exposition(accept)
    assert given == media_type
    names = [family.name for family in parse(body.decode())]
    assert "melanoserve_requests" in names
    assert len(names) == len(set(names))


def test_threads_lose_no_count(metrics: Metrics) -> None:
    def many() -> None:
        for _ in range(2000):
            metrics.request("/classify", 200, None, 0.01)
            metrics.decided("classifier", 1, "benign", 0.3)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = exposed(metrics)
    assert after.value("melanoserve_requests_total", endpoint="/classify", outcome="ok", code="") == 8000
    assert after.value("melanoserve_probability_count", model="classifier", version="1") == 8000


def test_a_request_costs_next_to_nothing(metrics: Metrics) -> None:
    def request() -> None:
        metrics.in_flight(1, 100_000)
        for phase in ("receive", "decode", "wait", "run", "write"):
            metrics.phase(phase, 0.01)
        metrics.batch(1)
        metrics.decided("classifier", 1, "benign", 0.3)
        metrics.request("/classify", 200, None, 0.05)
        metrics.in_flight(0, 0)

    least = 1.0
    for _ in range(50):
        begun = time.perf_counter()
        for _ in range(50):
            request()
        least = min(least, (time.perf_counter() - begun) / 50)
    # Measured: 14 µs. The bound leaves room for a machine that is slow and does other things too.
    assert least < 250e-6


def test_every_route_has_a_label_of_its_own() -> None:
    assert create_app(Settings()).openapi()["paths"].keys() <= ENDPOINTS
    assert set(IMAGE_ENDPOINTS) <= ENDPOINTS
