import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.tracing import Finished, NoTracer, PhaseTime, end_to_end, installed, start
from tests.running_service import ROOT, running
from tests.tiny_models import MELANOMA, picture, png

needs_packages = pytest.mark.skipif(not installed(), reason="requirements/tracing.txt is not installed")

FINISHED = Finished(
    request_id="r-1",
    endpoint="/classify",
    status=200,
    code=None,
    begun=100.0,
    seconds=0.5,
    phases=(PhaseTime("receive", 100.0, 0.1), PhaseTime("run", 100.1, 0.3)),
    model="classifier",
    version=3,
)
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Receiver:
    """An OTLP/HTTP receiver on a free port."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.raw = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def take(self, path: str, body: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415 - an extra
            ExportTraceServiceRequest,
        )

        assert path == "/v1/traces"
        self.raw += body
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(of_resource.resource))
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans

    def named(self, name: str) -> Any:
        (span,) = [span for span in self.spans if span.name == name]
        return span


def attributes(described: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in described.attributes}


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.server:
        thread = threading.Thread(target=receiver.server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.server.shutdown()
            thread.join()


def traced(*finished: Finished, share: float = 1.0) -> tuple[Receiver, list[str | None]]:
    """What a receiver got of these requests, and what the tracer said of each."""
    with receiving() as receiver:
        tracer = start(receiver.endpoint, version="1.2", share=share)
        assert tracer.enabled
        said = [tracer.request(one) for one in finished]
        tracer.stop()
    return receiver, said


@needs_packages
def test_a_request_and_its_phases_arrive_as_spans() -> None:
    begun = time.perf_counter() - 0.5
    phases = tuple(end_to_end(begun, {"receive": 0.1, "wait": 0.0, "decode": 0.05, "run": 0.3, "write": 0.05}))
    receiver, (trace_id,) = traced(replace(FINISHED, begun=begun, phases=phases))
    request = receiver.named("/classify")
    assert request.trace_id.hex() == trace_id
    assert request.parent_span_id == b""
    assert request.kind == 2  # SERVER
    assert request.end_time_unix_nano == pytest.approx(time.time_ns(), abs=60e9)
    assert request.end_time_unix_nano - request.start_time_unix_nano == pytest.approx(0.5e9, abs=2000)
    end = request.start_time_unix_nano
    for name, seconds in (("receive", 0.1), ("wait", 0.0), ("decode", 0.05), ("run", 0.3), ("write", 0.05)):
        phase = receiver.named(name)
        assert (phase.trace_id, phase.parent_span_id) == (request.trace_id, request.span_id)
        assert phase.start_time_unix_nano == pytest.approx(end, abs=2000)
        end = phase.end_time_unix_nano
        assert end - phase.start_time_unix_nano == pytest.approx(seconds * 1e9, abs=2000)
    assert len(receiver.spans) == 6


@needs_packages
def test_a_span_holds_these_attributes_and_no_others() -> None:
    receiver, _ = traced(FINISHED)
    assert attributes(receiver.named("/classify")) == {
        "melanoserve.request_id": "r-1",
        "http.route": "/classify",
        "http.response.status_code": 200,
        "melanoserve.model": "classifier",
        "melanoserve.version": 3,
    }
    assert attributes(receiver.named("run")) == {}
    assert receiver.resources[0]["service.name"] == "melanoserve"
    assert receiver.resources[0]["service.version"] == "1.2"


@needs_packages
@pytest.mark.parametrize(("status", "code", "error"), [(503, "not_ready", True), (422, "corrupt_image", False)])
def test_a_problem_is_its_code(status: int, code: str, error: bool) -> None:
    receiver, _ = traced(replace(FINISHED, status=status, code=code, model=None, version=None, phases=()))
    span = receiver.named("/classify")
    assert attributes(span)["melanoserve.code"] == code
    assert "melanoserve.model" not in attributes(span)
    assert (span.status.code == 2, span.status.message) == (error, "")


@needs_packages
def test_the_caller_s_trace_goes_on() -> None:
    receiver, said = traced(replace(FINISHED, traceparent=f"00-{TRACE}-{PARENT}-01"))
    assert said == [TRACE]
    assert receiver.named("/classify").parent_span_id.hex() == PARENT
    assert {span.trace_id.hex() for span in receiver.spans} == {TRACE}


@needs_packages
def test_a_caller_that_does_not_trace_is_not_traced() -> None:
    receiver, said = traced(replace(FINISHED, traceparent=f"00-{TRACE}-{PARENT}-00"))
    assert (receiver.spans, said) == ([], [None])


@needs_packages
@pytest.mark.parametrize(
    "traceparent",
    ["", "Erika", f"00-{TRACE}-{PARENT}", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", "\udce4" * 600],
)
def test_a_traceparent_that_is_none_begins_a_trace_and_is_not_repeated(traceparent: str) -> None:
    receiver, (trace_id,) = traced(replace(FINISHED, traceparent=traceparent))
    assert trace_id not in {TRACE, None}
    assert receiver.named("/classify").parent_span_id == b""
    assert b"Erika" not in receiver.raw


@needs_packages
def test_a_path_that_somebody_made_up_is_not_sent() -> None:
    receiver, _ = traced(replace(FINISHED, endpoint="/patients/Erika"))
    assert attributes(receiver.named("other"))["http.route"] == "other"
    assert b"Erika" not in receiver.raw


@needs_packages
def test_a_share_of_nothing_traces_only_those_who_ask_for_it() -> None:
    receiver, said = traced(FINISHED, replace(FINISHED, traceparent=f"00-{TRACE}-{PARENT}-01"), share=0.0)
    assert said == [None, TRACE]
    assert len(receiver.spans) == 3


@needs_packages
def test_a_collector_that_is_away_delays_nothing_and_the_end_by_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.tracing_otlp.STOPS_WITHIN", 1.0)
    with receiving() as receiver:
        endpoint = receiver.endpoint
    before = threading.active_count()
    tracer = start(endpoint)
    slowest = 0.0
    for _ in range(1000):
        begun = time.perf_counter()
        tracer.request(FINISHED)
        slowest = max(slowest, time.perf_counter() - begun)
    # Sending itself would try for ten seconds.
    assert slowest < 5
    begun = time.perf_counter()
    tracer.stop()
    assert time.perf_counter() - begun < 8
    while threading.active_count() > before and time.perf_counter() - begun < 30:
        time.sleep(0.01)
    assert threading.active_count() == before


@needs_packages
def test_fastapi_does_not_find_the_tracer() -> None:
    from opentelemetry import trace  # noqa: PLC0415

    traced(FINISHED)
    assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"


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


@pytest.mark.parametrize("endpoint", [None, ""])
def test_without_an_endpoint_nothing_is_traced(endpoint: str | None) -> None:
    tracer = start(endpoint)
    assert isinstance(tracer, NoTracer)
    assert not tracer.enabled
    assert tracer.request(FINISHED) is None
    tracer.stop()


def ran(code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
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
