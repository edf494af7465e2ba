from dataclasses import replace
from pathlib import Path

import pytest

from model_store.runtime import load_directory
from tests.training.built import Data
from tests.training.quick import hurry
from training import evaluation
from training.figures import EXPLANATION, POOLED, REPEATABILITY, VIGNETTES, measure_all, pooled, primary_of
from training.splits import Split


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def test_every_set_and_the_repeatability_of_the_first_are_measured(exported: Path, data: Data) -> None:
    runtime = load_directory(exported)
    tests = evaluation.test_sets(runtime, data.table, data.split)
    found = measure_all(
        runtime, data.table, data.split, tests, prevalence=0.2, thresholds={"point": 0.4}, seen=True
    )  # fmt: skip
    assert list(found) == [*tests, POOLED, REPEATABILITY, VIGNETTES, EXPLANATION]
    assert all(figures.seen_in_training for figures in found.values())
    assert found[REPEATABILITY].description.startswith("held-out images of ham10000, changed a little: turned")
    assert "sensitivity@point" in found["ham10000"].metrics
    assert found[POOLED].images == found["ham10000"].images + found["melanoma10000"].images
    assert found[VIGNETTES].description.startswith("held-out images of melanoma10000, behind a painted black vignette")


def test_operating_points_are_measured_where_it_was_learned_and_not_where_another_source_tells_the_class(
    exported: Path, data: Data
) -> None:
    tests = evaluation.test_sets(load_directory(exported), data.table, data.split)

    def primary(*learned: str) -> str:
        images = [
            replace(image, source={"isic2017": "my-clinic"}.get(image.source, image.source))
            for image in data.table.images
        ]
        pairs = zip(images, data.split.roles, strict=True)
        roles = [role if role != "training" or image.source in learned else "removed" for image, role in pairs]
        own = next(iter(tests.values()))
        return primary_of(tests | {"my-clinic": own}, replace(data.table, images=images), Split(roles))

    assert primary("ham10000", "melanoma10000", "my-clinic") == "ham10000"
    assert primary("melanoma10000", "my-clinic") == primary("my-clinic") == "my-clinic"
    assert primary("melanoma10000") == "melanoma10000"
    assert primary() == next(iter(tests))


def test_pooled_sets_keep_every_image_and_which_lesion_it_shows(exported: Path, data: Data) -> None:
    tests = evaluation.test_sets(load_directory(exported), data.table, data.split)
    named = {name: tests[name] for name in ("ham10000", "melanoma10000")}
    whole, parts = pooled(named), list(named.values())
    assert whole.description == "held-out images of ham10000 and melanoma10000 together"
    assert whole.probability.tolist() == [*parts[0].probability.tolist(), *parts[1].probability.tolist()]
    assert whole.lesions.tolist() == [*parts[0].lesions.tolist(), *parts[1].lesions.tolist()]
    assert (whole.kinds == "malignant").any()  # which only one of the two leaves open
