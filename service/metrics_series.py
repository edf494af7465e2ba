"""Which metrics there are: their names, what they mean, their labels and buckets."""

from typing import Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
IMAGES = (1, 2, 4, 8, 16, 32, 64)
PROBABILITIES = tuple(step / 20 for step in range(1, 21))

# How the values of several processes become one.
Merged = Literal["livesum", "livemin", "livemax"]

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class Children(dict[tuple[object, ...], Metric]):
    """Label values -> the metric for them, made when they are first met and then only looked up."""

    def __init__(self, metric: Metric) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[object, ...]) -> Metric:
        # Of two threads that come at once, both get the same one.
        return self.setdefault(labels, self._metric.labels(*labels))


class Series:
    """Every metric that the service itself counts."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """Makes them, with values of `prometheus_client.values.ValueClass`.

        Args:
            registry: What collects them; None if something else does, from files.
        """

        def counter(name: str, meaning: str, *labels: str) -> Children[Counter]:
            return Children(Counter(f"melanoserve_{name}", meaning, labels, registry=registry))

        def total(name: str, meaning: str) -> Counter:
            return Counter(f"melanoserve_{name}", meaning, registry=registry)

        def histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Children[Histogram]:
            return Children(Histogram(f"melanoserve_{name}", meaning, labels, buckets=buckets, registry=registry))

        def gauge(name: str, meaning: str, merged: Merged = "livesum") -> Gauge:
            return Gauge(f"melanoserve_{name}", meaning, multiprocess_mode=merged, registry=registry)

        self.requests = counter("requests_total", "Requests that are over.", "endpoint", "outcome", "code")
        self.request_seconds = histogram("request_seconds", "How long requests took.", SECONDS, "endpoint")
        self.phase_seconds = histogram("phase_seconds", "How long a phase of requests took.", SECONDS, "phase")
        self.batch_images = Histogram(
            "melanoserve_batch_images", "Images that were run together.", buckets=IMAGES, registry=registry
        )
        self.batch_items = counter("batch_items_total", "Images that came in batches, by problem.", "code")
        self.decisions = counter("decisions_total", "Answers of a classifier.", "model", "version", "decision")
        self.abstentions = counter("abstentions_total", "Issues of images that are unfit.", "model", "version", "issue")
        self.probability = histogram("probability", "Probability of malignancy.", PROBABILITIES, "model", "version")
        self.grades = counter("grades_total", "Stage grades that were given.", "version", "stage")
        self.audit_rows = total("audit_rows_total", "Rows that are in the audit trail.")
        self.audit_lost = total("audit_lost_total", "Rows that are not, although the answer was given.")
        self.audit_failures = total("audit_failures_total", "Times that the audit trail could not be written.")
        self.audit_seconds = Histogram(
            "melanoserve_audit_seconds", "How long rows waited for the disk.", buckets=SECONDS, registry=registry
        )
        self.audit_sequence = gauge("audit_sequence", "Number of the last row that was written.", "livemax")
        self.audit_waiting = gauge("audit_waiting", "Rows that are not in the audit trail yet.")
        self.audit_available = gauge("audit_available", "1 when every process can write the trail, else 0.", "livemin")
        self.in_flight_requests = gauge("in_flight_requests", "Requests under way.")
        self.in_flight_bytes = gauge("in_flight_bytes", "Bytes that the bodies of requests under way may have.")
        self.limit_requests = gauge("limit_requests", "Requests that are admitted at once.")
        self.limit_bytes = gauge("limit_bytes", "Bytes that are admitted at once.")
        self.ready = gauge("ready", "1 when every process is ready, else 0.", "livemin")
        self.version_states = Children(
            Gauge(
                "melanoserve_version_state",
                "1 for the state that a version is in.",
                ("model", "version", "state"),
                multiprocess_mode="livemax",
                registry=registry,
            )
        )
