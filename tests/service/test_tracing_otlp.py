import threading
import time
from dataclasses import replace

import pytest

from service.tracing import Finished, end_to_end, start
from tests.service.collector import FINISHED, PARENT, TRACE, Receiver, attributes, needs_packages, receiving


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
    before = threading.enumerate()
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
    while (left := set(threading.enumerate()) - set(before)) and time.perf_counter() - begun < 60:
        time.sleep(0.01)
    assert not left


@needs_packages
def test_fastapi_does_not_find_the_tracer() -> None:
    from opentelemetry import trace  # noqa: PLC0415

    traced(FINISHED)
    assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
