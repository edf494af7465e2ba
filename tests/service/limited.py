"""A service that gives every image the same answer, at a rate and no faster."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.client.unreliable import PROBLEM
from tests.service.fhir.samples import CLASSIFIED

REFUSED = PROBLEM | {"status": 429, "code": "rate_limited"}


class Limited(ThreadingHTTPServer):
    """A bucket of tokens, of which every request but those for /readyz takes one."""

    daemon_threads = True

    def __init__(self, burst: int, a_second: float, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.port, self.url = self.server_port, f"http://127.0.0.1:{self.server_port}"
        self.refused = 0
        self._burst, self._a_second = burst, a_second
        self._tokens, self._then, self._lock = float(burst), time.monotonic(), threading.Lock()

    def take(self) -> bool:
        """Whether there was a token."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._then) * self._a_second)
            self._then = now
            if self._tokens < 1:
                self.refused += 1
                return False
            self._tokens -= 1
            return True

    def close(self) -> None:
        """Listens no more."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Limited

    def do_GET(self) -> None:
        self._answer(200, {"status": "ready"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.take():
            self._answer(200, CLASSIFIED.model_dump(mode="json"))
        else:
            self._answer(429, REFUSED)

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: a test's output is its own."""


@contextmanager
def limited(*, burst: int, a_second: float, port: int = 0) -> Iterator[Limited]:
    """Starts one, on a free port if none is given."""
    server = Limited(burst, a_second, port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.close()
