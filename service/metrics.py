"""What is measured, behind one small method for each thing that happens.

Ten calls a request must cost next to nothing, so the metric for a set of label values is looked up once. Label values
come from fixed sets, from `problems.catalogue()` and from the store; nothing that a client sends becomes one.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.openmetrics import exposition as openmetrics

from model_store.manifest import Issue
from service.metrics_folder import alive
from service.metrics_processes import Processes, SharedFiles, Sums, own, shared_values
from service.metrics_series import Series
from service.problems import catalogue

Phase = Literal["load", "receive", "decode", "wait", "run", "write", "record"]

IMAGE_ENDPOINTS = ("/classify", "/grade", "/classify/batch", "/grade/batch")
ENDPOINTS = frozenset({
    *IMAGE_ENDPOINTS,
    "/models", "/models/{name}", "/models/{name}/versions/{version}",
    "/models/{name}/versions/{version}/files/{file}",
    "/models/{name}/labels/{label}",
    "/audit", "/audit/head",
    "/livez", "/readyz", "/metrics", "/", "/docs", "/problems/{code}",
})  # fmt: skip
DECISIONS = frozenset({"benign", "malignant", "abstained"})
ISSUES = frozenset(get_args(Issue))
STATES = ("available", "serving", "loading", "refused")
STAGES = frozenset({1, 2, 3})
OTHER = "other"


def endpoint_label(endpoint: str) -> str:
    """The template of a route that there is, or "other": a path that somebody made up says nothing of itself."""
    documented = endpoint.replace(":path}", "}")
    return documented if documented in ENDPOINTS else OTHER


class Metrics:
    """The metrics of one process, or of all processes that share a folder. Safe to use from many threads."""

    def __init__(self, folder: Path | None, *, version: str = "unknown") -> None:
        """Begins at zero. Once per process, and in the process that counts: not before a fork.

        Args:
            folder: Where processes that serve together keep their values, so that each can tell the sums. It was empty
                when the first of them began. None: there is one process.
            version: Of the software, for `melanoserve_build_info`.
        """
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._files = None if folder is None else SharedFiles(folder)
        values.ValueClass = values.MutexValue if self._files is None else shared_values(self._files)
        self._kinds = catalogue()
        self._broken = {code for code, kind in self._kinds.items() if kind.status == 503 and not kind.retryable}
        self._versions: set[tuple[str, int]] = set()
        self._deciding: set[tuple[str, int]] = set()
        self._registry = CollectorRegistry()
        # First, because it takes the dead out of what is collected next.
        self._registry.register(Processes(own if folder is None else lambda: alive(folder), version))
        self._series = Series(self._registry if folder is None else None)
        if folder is not None:
            self._registry.register(Sums(folder))
        self._begin_at_zero()

    def request(self, endpoint: str, status: int, code: str | None, seconds: float) -> None:
        """A request is over.

        Args:
            endpoint: The route's template, see `endpoint_label`.
            status: Of the answer; 0 if whoever asked had left before there was one.
            code: Of the problem; None if there was none.
            seconds: How long it took.
        """
        where = endpoint_label(endpoint)
        why = code if code in self._kinds else ""
        self._series.requests[where, self._outcome(status, why), why].inc()
        self._series.request_seconds[where,].observe(seconds)

    def phase(self, name: Phase, seconds: float) -> None:
        """A request has been through a phase."""
        self._series.phase_seconds[name,].observe(seconds)

    def batch(self, size: int) -> None:
        """So many images were run together."""
        self._series.batch_images.observe(size)

    def batch_item(self, code: str) -> None:
        """An image of a batch is answered, or has the problem with this code."""
        self._series.batch_items[code if code in self._kinds else "",].inc()

    def decided(self, name: str, version: int, decision: str, probability: float | None) -> None:
        """A version of the store has answered; the probability is None when it abstained."""
        if (name, version) not in self._deciding:
            self._deciding.add((name, version))
            for possible in DECISIONS:
                _ = self._series.decisions[name, version, possible]  # at zero, see _begin_at_zero
        self._series.decisions[name, version, decision if decision in DECISIONS else OTHER].inc()
        if probability is not None:
            self._series.probability[name, version].observe(probability)

    def abstained(self, name: str, version: int, issues: Iterable[str]) -> None:
        """A version of the store has found an image unfit; it may have several issues."""
        for issue in issues:
            self._series.abstentions[name, version, issue if issue in ISSUES else OTHER].inc()

    def graded(self, version: int, stage: int) -> None:
        """A version of the grader has given a stage grade."""
        self._series.grades[version, stage if stage in STAGES else OTHER].inc()

    def audited(self, rows: int, seconds: float, sequence: int) -> None:
        """Rows are in the audit trail, so long after they were handed over, and this is the number of the last."""
        self._series.audit_rows.inc(rows)
        self._series.audit_seconds.observe(seconds)
        self._series.audit_sequence.set(sequence)

    def audit_failed(self) -> None:
        """The audit trail could not be written."""
        self._series.audit_failures.inc()

    def audit_lost(self, rows: int) -> None:
        """Answers were given that are not in the audit trail."""
        self._series.audit_lost.inc(rows)

    def audit(self, waiting: int, available: bool) -> None:
        """How many rows this process has still to write, and whether it can."""
        self._series.audit_waiting.set(waiting)
        self._series.audit_available.set(available)

    def in_flight(self, requests: int, bytes_: int) -> None:
        """What this process has under way now."""
        self._series.in_flight_requests.set(requests)
        self._series.in_flight_bytes.set(bytes_)

    def limits(self, requests: int, bytes_: int) -> None:
        """How much this process admits before it refuses."""
        self._series.limit_requests.set(requests)
        self._series.limit_bytes.set(bytes_)

    def versions(self, states: Iterable[tuple[str, int, str]]) -> None:
        """How every version stands now.

        Args:
            states: Name, version and one of STATES. A version that is not named any more is in none of them.
        """
        current = {(name, version): state for name, version, state in states}
        self._versions |= current.keys()
        for name, version in self._versions:
            for state in STATES:
                self._series.version_states[name, version, state].set(current.get((name, version)) == state)

    def ready(self, ready: bool) -> None:
        """Whether this process is ready; `melanoserve_ready` says whether all are."""
        self._series.ready.set(ready)

    def keep(self) -> None:
        """Sees to it that the others can read what this process counts, whatever became of its files; blocking."""
        if self._files is not None:
            self._files.keep()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Everything, of all processes; blocking, a few milliseconds for each of them.

        Args:
            accept: The Accept header.

        Returns:
            The body and its content type: OpenMetrics where that is asked for, else Prometheus's text format.
        """
        if "application/openmetrics-text" in accept:
            body: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return body, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def _outcome(self, status: int, code: str) -> str:
        if status == 429 or (status == 503 and code not in self._broken):
            return "refused"
        if status >= 500:
            return "server_error"
        return "ok" if 0 < status < 400 else "client_error"

    def _begin_at_zero(self) -> None:
        """Makes what alerts look at: `rate` does not see the first of a series that begins at one."""
        for phase in get_args(Phase):
            _ = self._series.phase_seconds[phase,]
        for endpoint in IMAGE_ENDPOINTS:
            _ = self._series.requests[endpoint, "ok", ""]
            for code, kind in self._kinds.items():
                outcome = self._outcome(kind.status, code)
                if outcome in {"refused", "server_error"}:
                    _ = self._series.requests[endpoint, outcome, code]
