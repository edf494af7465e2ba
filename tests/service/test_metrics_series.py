import threading

import pytest
from prometheus_client import CollectorRegistry, values

from service.metrics_series import PROBABILITIES, SECONDS, Series


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def series(registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> Series:
    # Another test may have left those of several processes.
    monkeypatch.setattr(values, "ValueClass", values.MutexValue)
    return Series(registry)


def test_every_metric_is_the_service_s_by_name_and_says_what_it_means(
    series: Series, registry: CollectorRegistry
) -> None:
    found = list(registry.collect())
    assert len(found) == len(vars(series)) > 20
    assert all(metric.name.startswith("melanoserve_") and metric.documentation.endswith(".") for metric in found)


def test_a_value_falls_into_the_bucket_that_ends_at_it(series: Series, registry: CollectorRegistry) -> None:
    for bound in SECONDS:
        series.phase_seconds["run",].observe(bound)
    for bound in PROBABILITIES:
        series.probability["classifier", 1].observe(bound)

    def counts(name: str, bounds: tuple[float, ...], **labels: str) -> list[float | None]:
        return [registry.get_sample_value(f"{name}_bucket", labels | {"le": str(bound)}) for bound in bounds]

    assert counts("melanoserve_phase_seconds", SECONDS, phase="run") == list(range(1, len(SECONDS) + 1))
    scores = counts("melanoserve_probability", PROBABILITIES, model="classifier", version="1")
    assert scores == list(range(1, 21))


def test_of_threads_that_come_at_once_all_count_in_one(series: Series, registry: CollectorRegistry) -> None:
    together = threading.Barrier(8)

    def count() -> None:
        together.wait()
        series.batch_items["corrupt_image",].inc()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.get_sample_value("melanoserve_batch_items_total", {"code": "corrupt_image"}) == 8
    assert len(series.batch_items) == 1
