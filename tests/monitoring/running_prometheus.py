"""A real Prometheus for tests: the project's own configuration, and real scrapes over a socket.

with running_prometheus(folder, metrics, before_scrape) as prometheus:
    prometheus.query("melanoserve_ready")
"""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from service.metrics import Metrics
from tests.running_service import ROOT

WITHIN = 120.0


class Prometheus:
    """A running Prometheus."""

    def __init__(self, address: str) -> None:
        self.address = address

    def query(self, expression: str) -> list[float]:
        """The values of an expression now."""
        return [float(series["value"][1]) for series in self._get("query", query=expression)["result"]]

    def unhealthy_rules(self) -> list[str]:
        """The rules that could not be evaluated."""
        rules = [rule for group in self._get("rules")["groups"] for rule in group["rules"]]
        assert rules
        return [rule["name"] for rule in rules if rule["health"] != "ok"]

    def wait_for(self, expression: str) -> None:
        """Waits until an expression has a value."""
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            if self.query(expression):
                return
            time.sleep(0.1)
        raise AssertionError(f"Prometheus has nothing for {expression}")

    def _get(self, what: str, **parameters: str) -> Any:
        url = f"{self.address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]


@contextmanager
def running_prometheus(folder: Path, metrics: Metrics, before_scrape: Callable[[], None]) -> Iterator[Prometheus]:
    """Starts Prometheus on a free port; it asks every second instead of every 15.

    Args:
        folder: For its configuration, its data and its log.
        metrics: What it scrapes.
        before_scrape: Called before each scrape.
    """
    with scraped(metrics, before_scrape) as target:
        _configure(folder, target)
        command = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield Prometheus(_address(process, folder / "log"))
        finally:
            process.kill()
            process.wait()


@contextmanager
def scraped(metrics: Metrics, before_scrape: Callable[[], None]) -> Iterator[str]:
    """Serves metrics on a free port; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            before_scrape()
            body, media_type = metrics.exposition(self.headers["Accept"])
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _configure(folder: Path, target: str) -> None:
    configuration = (ROOT / "monitoring" / "prometheus.yml").read_text("utf-8")
    assert "service:8000" in configuration
    configuration = configuration.replace("service:8000", target).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(configuration, "utf-8")
    rules = (ROOT / "monitoring" / "rules.yml").read_text("utf-8")
    (folder / "rules.yml").write_text(rules.replace("interval: 5m", "interval: 1s"), "utf-8")


def _address(process: subprocess.Popen[bytes], log_file: Path) -> str:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        log = log_file.read_text("utf-8")
        found = re.search(r'msg="Listening on" address=(\S+)', log)
        if found and "Server is ready" in log:
            return f"http://{found[1]}"
        time.sleep(0.05)
    raise AssertionError(f"Prometheus does not listen: {log_file.read_text('utf-8')}")
