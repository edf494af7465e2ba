"""The versions that come with the repository, as `make serve` serves them; skipped where there are none yet."""

from collections.abc import Iterator

import numpy as np
import pytest

from dermoscopy.prepare import prepare
from dermoscopy.render import render_lesion
from model_store.labels import Labels
from model_store.runtime import load
from model_store.store import Store
from tests.running_service import Service, running
from tests.shipped import STORE, recent_store
from tests.tiny_models import png

pytestmark = pytest.mark.skipif(
    not all((STORE / name / "1" / "manifest.json").is_file() for name in ("classifier", "grader")),
    reason="no bundled versions",
)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    store = recent_store(tmp_path_factory.mktemp("store") / "models")
    with running(store, tmp_path_factory.mktemp("state")) as service:
        yield service


def test_both_are_labelled_serve_and_their_golden_images_come_out_again(bundled: Service) -> None:
    models = bundled.client.get("/readyz").json()["models"]
    assert [(model["name"], model["state"]) for model in models] == [("classifier", "serving"), ("grader", "serving")]
    assert all(model["golden"] >= 1 for model in models)


def test_the_grader_answers_with_the_classifier_that_it_pins(bundled: Service) -> None:
    data = png(render_lesion(1))
    answer = bundled.client.post("/grade?always=true", files={"file": data}).json()
    pinned = Labels(Store(STORE), STORE).resolve("grader", "stable").manifest.classifier
    assert pinned is not None
    assert answer["classification"]["model"]["sha256"] == pinned.digest
    assert answer["grade"]["stage"] in {1, 2, 3}
    assert answer["intended_use"]


@pytest.mark.parametrize("seed", range(4))
def test_the_service_says_what_the_version_says(bundled: Service, seed: int) -> None:
    data = png(render_lesion(seed, side=400, malignancy=seed / 3))
    answer = bundled.client.post("/classify", files={"file": data}).json()
    stored = Store(STORE).open("classifier", answer["model"]["version"])
    runtime = load(stored, precision=answer["model"]["precision"])
    alone = float(runtime.run(prepare(data).pixels[np.newaxis])["probability"][0])
    assert answer["probability"] == alone
