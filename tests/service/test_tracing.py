import subprocess
import sys
from pathlib import Path

import pytest

from service.tracing import NoTracer, start
from tests.running_service import ROOT, running
from tests.service.collector import FINISHED, PARENT, TRACE, attributes, needs_packages, receiving
from tests.tiny_models import MELANOMA, picture, png


@needs_packages
def test_fastapi_s_own_telemetry_is_off_because_it_would_send_paths_and_queries(
    pristine_store: Path, tmp_path: Path
) -> None:
    with receiving() as receiver:
        variables = {
            "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with running(pristine_store, tmp_path / "state", variables=variables) as service:
            service.client.get("/models/Erika")
            service.client.post("/grade?breslow_mm=1.4", content=b"no image")
            service.stop()
    assert receiver.spans == []


@needs_packages
def test_the_service_traces_an_image_and_logs_the_trace(pristine_store: Path, tmp_path: Path) -> None:
    with (
        receiving() as receiver,
        running(pristine_store, tmp_path / "state", TRACE_ENDPOINT=receiver.endpoint) as service,
    ):
        parent = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "patient=Erika", "baggage": "patient=Erika"}
        files = {"file": ("Erika.png", png(picture(MELANOMA)))}
        answer = service.client.post("/grade?breslow_mm=1.4", files=files, headers=parent)
        assert answer.status_code == 200
        assert service.request(answer.headers["x-request-id"])["trace_id"] == TRACE
        service.stop()
    request = receiver.named("/grade")
    assert request.parent_span_id.hex() == PARENT
    assert attributes(request)["melanoserve.model"] == "grader"
    phases = [span.name for span in receiver.spans if span.parent_span_id == request.span_id]
    assert sorted(phases) == ["decode", "receive", "record", "run", "wait", "write"]
    assert b"Erika" not in receiver.raw
    assert b"breslow" not in receiver.raw


@needs_packages
def test_a_collector_that_refuses_is_told_of_in_the_log(pristine_store: Path, tmp_path: Path) -> None:
    with (
        receiving(status=404) as receiver,
        running(pristine_store, tmp_path / "state", TRACE_ENDPOINT=receiver.endpoint) as service,
    ):
        service.client.get("/models")
        service.stop()
        (line,) = service.events("library")
    assert line["message"] == "Failed to export ... batch code: 404, reason: ..."


@pytest.mark.parametrize("endpoint", [None, ""])
def test_without_an_endpoint_nothing_is_traced(endpoint: str | None) -> None:
    tracer = start(endpoint)
    assert isinstance(tracer, NoTracer)
    assert not tracer.enabled
    assert tracer.request(FINISHED) is None
    tracer.stop()


def ran(code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    return ended.stdout


def test_without_an_endpoint_nothing_of_the_packages_is_imported() -> None:
    code = """
import sys
from service.tracing import start
start(None)
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    assert ran(code) == "[]\n"


def test_an_endpoint_without_the_packages_is_an_error_that_says_so() -> None:
    code = """
import sys
sys.modules["opentelemetry.exporter"] = None
from service.tracing import TracingUnavailable, start
try:
    start("http://127.0.0.1:4318/v1/traces")
except TracingUnavailable as error:
    print(error)
"""
    assert "requirements/tracing.txt" in ran(code)
