"""A collector of traces for tests, and a request to trace."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from service.tracing import Finished, PhaseTime, installed

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

    def __init__(self, status: int = 200) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.raw = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
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
def receiving(*, status: int = 200) -> Iterator[Receiver]:
    receiver = Receiver(status)
    with receiver.server:
        thread = threading.Thread(target=receiver.server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.server.shutdown()
            thread.join()
