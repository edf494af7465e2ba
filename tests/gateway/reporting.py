"""A stand-in for the service that answers every image with a report on it, in its own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.gateway.samples import report_on


class _Reports(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        report = report_on(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/dicom")
        self.send_header("Content-Length", str(len(report)))
        self.end_headers()
        self.wfile.write(report)

    def handle(self) -> None:
        with suppress(ConnectionError):  # the gateway was killed
            super().handle()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def reporting() -> Iterator[str]:
    """Starts one; the value is its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Reports) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
