"""What /metrics says, parsed by prometheus_client as Prometheus would."""

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Exposed:
    """The samples of one exposition in Prometheus's text format."""

    def __init__(self, body: bytes) -> None:
        families = list(text_string_to_metric_families(body.decode()))
        listed = [
            (sample.name, frozenset(sample.labels.items()), sample.value) for f in families for sample in f.samples
        ]
        self.samples: dict[tuple[str, Labels], float] = {(name, labels): value for name, labels, value in listed}
        assert len(self.samples) == len(listed), "a series is there twice"

    def value(self, name: str, **labels: str) -> float:
        """The value of one series."""
        return self.samples[name, frozenset(labels.items())]

    def all(self, name: str) -> dict[Labels, float]:
        """The series of one name."""
        return {labels: value for (found, labels), value in self.samples.items() if found == name}
