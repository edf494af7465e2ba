from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.render import render_lesion
from model_store.labels import Labels
from model_store.runtime import Precision, RuntimeName, load_directory
from model_store.store import Store
from tests.running_service import ROOT
from tests.training.built import Data
from tests.training.quick import hurry
from training.explanation import ORDERS, OUTPUT, activation_of, hidden, measure_explanation
from training.labels import MALIGNANT


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def test_what_is_hidden_has_the_colour_of_the_border() -> None:
    picture = np.full((224, 224, 3), (210, 170, 150), np.uint8)
    picture[80:140, 80:140] = 30
    order = np.ones((224, 224))
    order[80:140, 80:140] = 0
    found = hidden(picture, order, 60 * 60 / 224**2)
    assert (found == (210, 170, 150)).all()
    assert (picture[100, 100] == 30).all()  # the given one is unchanged
    assert (hidden(picture, order, 0.0) == picture).all()


def test_maps_keep_their_places() -> None:
    maps = np.zeros((1, 5, 5), np.float32)
    maps[0, 1, 3] = 1
    row, column = np.unravel_index(activation_of(maps)[0].argmax(), (224, 224))
    assert 45 <= row < 90
    assert 134 <= column < 179
    order = ORDERS["highest first"](activation_of(maps)[0])
    assert np.unravel_index(order.argmin(), order.shape) == (row, column)


class _Quadrant:
    """Looks at the upper left quarter of a picture only, and says so, or says that it looks everywhere else."""

    name: RuntimeName = "openvino"
    precision: Precision = "f32"
    crowded = False

    def expect_crowds(self) -> None:
        pass

    def keep_compiled(self) -> None:
        pass

    def __init__(self, *, honest: bool) -> None:
        self._honest = honest

    def run(self, images: NDArray[np.uint8], *, together: int = 1) -> dict[str, NDArray[np.float32]]:
        maps = np.zeros((len(images), 5, 5), np.float32)
        maps[:, :2, :2] = 1
        probability = 1 - images[:, :90, :90].mean(axis=(1, 2, 3)) / 255
        shown = maps if self._honest else 1 - maps
        return {"probability": probability.astype(np.float32), "activation_map": shown}


@pytest.mark.parametrize("honest", [True, False])
def test_a_map_that_shows_what_counts_is_told_from_one_that_does_not(honest: bool, data: Data, tmp_path: Path) -> None:
    rows = list(range(12))
    found = measure_explanation(_Quadrant(honest=honest), data.table, rows, "painted", tmp_path / "deletion.png")
    assert found is not None
    share = found.metrics["highlighted_moves_more_than_least_highlighted"].value
    assert share > 0.8 if honest else share < 0.2
    assert found.images == 6
    with Image.open(tmp_path / "deletion.png") as plot:
        assert plot.width > 300


def test_positives_are_the_images_that_are_labelled_malignant(data: Data) -> None:
    labelled = [row for row, image in enumerate(data.table.images) if image.source == "ham10000"]
    malignant = [row for row in labelled if data.table.images[row].label <= MALIGNANT]
    benign = [row for row in labelled if row not in malignant]
    found = measure_explanation(_Quadrant(honest=True), data.table, [*malignant[:3], *benign[:2]], "painted")
    assert found is not None
    assert (found.images, found.positives) == (5, 3)


def test_an_exported_artifact_is_measured(exported: Path, data: Data) -> None:
    found = measure_explanation(load_directory(exported), data.table, list(range(8)), "painted")
    assert found is not None
    assert found.metrics["mean_change_all_but_highlighted_hidden"].value > 0
    assert found.description.startswith("painted, a quarter of each painted over")


def test_the_map_is_the_network_s_and_no_edge_detector_s() -> None:
    """Sanity check of Adebayo 2018 (arXiv:1810.03292): with the backbone's weights shuffled, the map is another one."""
    store = Store(ROOT / "model_store" / "models")
    version = Labels(store, store.root).resolve("classifier", "stable")
    network = tf.saved_model.load(str(version.path))
    signature = network.signatures["serving_default"]
    pictures = tf.constant(np.stack([render_lesion(seed, malignancy=0.9) for seed in range(12)]))
    before = signature(image=pictures)[OUTPUT].numpy()
    again = signature(image=pictures)[OUTPUT].numpy()
    shuffle = np.random.default_rng(0).permutation
    for variable in network.weights:
        values = variable.numpy()
        variable.assign(shuffle(values.ravel()).reshape(values.shape))
    after = signature(image=pictures)[OUTPUT].numpy()
    assert min(_agreement(before, again)) > 0.99
    assert np.mean(np.abs(_agreement(before, after))) < 0.5


def _agreement(first: NDArray[np.float32], second: NDArray[np.float32]) -> list[float]:
    """Spearman's rank correlation of each pair of maps."""
    ranks = [maps.reshape(len(maps), -1).argsort(axis=1).argsort(axis=1) for maps in (first, second)]
    return [float(np.corrcoef(one, other)[0, 1]) for one, other in zip(*ranks, strict=True)]


def test_a_version_without_a_map_is_not_measured(data: Data) -> None:
    class Silent(_Quadrant):
        def run(self, images: NDArray[np.uint8], *, together: int = 1) -> dict[str, NDArray[np.float32]]:
            return {"probability": super().run(images)["probability"]}

    assert measure_explanation(Silent(honest=True), data.table, [0, 1], "painted") is None
