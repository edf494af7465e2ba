import re

import httpx
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.tiny_models import MELANOMA, picture, png

FILES = {"file": png(picture(MELANOMA))}


def sample(client: httpx.Client, name: str, **labels: str) -> float:
    families = parse(client.get("/metrics").text)
    return sum(
        found.value
        for family in families
        for found in family.samples
        if found.name == name and labels.items() <= found.labels.items()
    )


def test_a_request_counts_with_its_phases_and_its_decision(client: httpx.Client) -> None:
    def counted() -> list[float]:
        return [
            sample(client, "melanoserve_requests_total", endpoint="/grade", outcome="ok"),
            sample(client, "melanoserve_decisions_total", model="classifier", version="1", decision="malignant"),
            sample(client, "melanoserve_grades_total", version="1"),
            *(sample(client, "melanoserve_phase_seconds_count", phase=phase) for phase in ("receive", "decode", "run")),
        ]

    before = counted()
    assert client.post("/grade", files=FILES).status_code == 200
    assert [after - first for after, first in zip(counted(), before, strict=True)] == [1.0] * 6


def test_a_problem_counts_by_its_code(client: httpx.Client) -> None:
    before = sample(client, "melanoserve_requests_total", code="unsupported_image_type")
    client.post("/classify", files={"file": b"no image"})
    assert sample(client, "melanoserve_requests_total", code="unsupported_image_type") == before + 1


def test_nothing_that_a_client_sends_becomes_a_label(client: httpx.Client) -> None:
    for path in ("/HIDDEN", "/models/HIDDEN", "/classify?label=HIDDEN"):
        client.post(path, files=FILES, headers={"X-Request-ID": "HIDDEN"})
    assert "HIDDEN" not in client.get("/metrics").text


def test_levels_and_limits(client: httpx.Client) -> None:
    assert sample(client, "melanoserve_ready") == 1
    assert sample(client, "melanoserve_version_state", model="classifier", version="1", state="serving") == 1
    assert sample(client, "melanoserve_in_flight_requests") == 0
    text = client.get("/metrics").text
    assert re.search(r"^melanoserve_limit_requests(\{[^}]*\})? 128\.0$", text, re.MULTILINE)


def test_openmetrics_where_it_is_asked_for(client: httpx.Client) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
