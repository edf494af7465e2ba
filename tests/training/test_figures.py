from pathlib import Path

import pytest

from model_store.runtime import load_directory
from tests.training.built import Data
from training import evaluation, metrics, repeatability
from training.figures import REPEATABILITY, measure_all, primary_of


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 20)
    monkeypatch.setattr(repeatability, "MOST_IMAGES", 6)


def test_every_set_and_the_repeatability_of_the_first_are_measured(exported: Path, data: Data) -> None:
    runtime = load_directory(exported)
    tests = evaluation.test_sets(runtime, data.table, data.split)
    found = measure_all(
        runtime, data.table, data.split, tests, prevalence=0.2, thresholds={"point": 0.4}, seen=True
    )  # fmt: skip
    assert list(found) == [*tests, REPEATABILITY]
    assert all(figures.seen_in_training for figures in found.values())
    assert found[REPEATABILITY].description.startswith("held-out images of ham10000, changed a little: turned")
    assert "sensitivity@point" in found["ham10000"].metrics
    assert primary_of({name: tests[name] for name in tests if name != "ham10000"}) == "melanoma10000"
