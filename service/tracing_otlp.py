"""Traces sent to an OpenTelemetry collector; the packages of requirements/tracing.txt must be installed.

The tracer is this service's own and not made known to the process: FastAPI traces by itself where it finds one, and
puts the path and the query into its spans.
"""

import threading
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.metrics import endpoint_label
from service.tracing import Finished

STOPS_WITHIN = 5.0
"""Seconds. What a collector that is away has not taken by then is lost."""


class OtlpTracer:
    """Makes spans and leaves them to a thread that sends them now and then; when too many wait, the oldest are lost."""

    enabled = True

    def __init__(self, endpoint: str, version: str, share: float) -> None:
        """Starts the thread; see `service.tracing.start`."""
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(share)),
            resource=Resource.create({"service.name": "melanoserve", "service.version": version}),
            shutdown_on_exit=False,
        )
        self._exporter = OTLPSpanExporter(endpoint)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("melanoserve", version)
        self._propagator = TraceContextTextMapPropagator()

    def request(self, finished: Finished) -> str | None:
        """Makes the spans of a request."""
        # Its companions, tracestate and baggage, are not read: they can hold anything, and it would be sent on.
        carrier = {} if finished.traceparent is None else {"traceparent": finished.traceparent}
        clock = _WallClock()
        span = self._tracer.start_span(
            endpoint_label(finished.endpoint),
            context=self._propagator.extract(carrier),
            kind=SpanKind.SERVER,
            start_time=clock.at(finished.begun),
        )
        if not span.is_recording():
            return None
        _describe(span, finished)
        context = set_span_in_context(span)
        for phase in finished.phases:
            child = self._tracer.start_span(phase.name, context=context, start_time=clock.at(phase.begun))
            child.end(clock.at(phase.begun + phase.seconds))
        span.end(clock.at(finished.begun + finished.seconds))
        return format_trace_id(span.get_span_context().trace_id)

    def stop(self) -> None:
        """Sends what is left, within STOPS_WITHIN."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(STOPS_WITHIN)
        if ending.is_alive():
            # Or it would try again for half a minute.
            self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _WallClock:
    """Readings of `time.perf_counter` as nanoseconds since 1970."""

    def __init__(self) -> None:
        self._offset = time.time() - time.perf_counter()

    def at(self, reading: float) -> int:
        """Nanoseconds since 1970 of a reading in seconds."""
        return round((self._offset + reading) * 1e9)


def _describe(span: Span, finished: Finished) -> None:
    span.set_attributes({
        "melanoserve.request_id": finished.request_id,
        "http.route": endpoint_label(finished.endpoint),
        "http.response.status_code": finished.status,
    })  # fmt: skip
    if finished.code is not None:
        span.set_attribute("melanoserve.code", finished.code)
    if finished.model is not None and finished.version is not None:
        span.set_attributes({"melanoserve.model": finished.model, "melanoserve.version": finished.version})
    if finished.status >= 500:
        span.set_status(StatusCode.ERROR)
