from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.render import render_lesion
from model_store.runtime import load_directory
from tests.training.built import Data
from training import metrics
from training.labels import MALIGNANT
from training.repeatability import VARIANTS, changed, measure_repeatability

PICTURES = np.stack([np.asarray(Image.fromarray(render_lesion(seed, side=224))) for seed in range(3)])


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 30)


class _Redness:
    """Says how red the left half of a picture is: mirroring changes it, and nothing else does much."""

    name, precision = "openvino", "f32"

    def expect_crowds(self) -> None:
        pass

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        return {"probability": images[:, :, :112, 0].mean(axis=(1, 2)).astype(np.float32) / 255}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_the_same_lesion_a_little_different(variant: str) -> None:
    found = changed(PICTURES, variant)
    assert found.shape == PICTURES.shape
    assert found.dtype == np.uint8
    difference = np.abs(found.astype(float) - PICTURES).mean()
    assert 0.5 < difference < 40
    # No black corner comes in.
    assert found[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean() > 0.7 * PICTURES[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean()


def test_flips_are_counted_by_variant_and_together(data: Data) -> None:
    rows = [row for row, image in enumerate(data.table.images) if image.source == "ham10000"]
    values = _Redness().run(np.asarray(data.table.pixels[rows]))["probability"]
    threshold = float(np.median(values))
    found = measure_repeatability(_Redness(), data.table, rows, {"point": threshold}, "painted")  # type: ignore[arg-type]
    assert found.images == len(rows)
    malignant = sum(data.table.images[row].label <= MALIGNANT for row in rows)
    assert found.positives == malignant != (values >= threshold).sum()
    mirrored = changed(np.asarray(data.table.pixels[rows]), "mirrored")
    expected = ((_Redness().run(mirrored)["probability"] >= threshold) != (values >= threshold)).mean()
    assert found.metrics["decisions_that_flip_mirrored@point"].value == pytest.approx(expected, abs=1e-4)
    by_variant = [found.metrics[f"decisions_that_flip_{name}@point"].value for name in VARIANTS]
    assert found.metrics["decisions_that_flip@point"].value == pytest.approx(np.mean(by_variant), abs=1e-3)
    assert 0 < found.metrics["mean_change_of_probability"].value < 0.2


def test_a_real_artifact_is_measured(exported: Path, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.repeatability.MOST_IMAGES", 8)
    rows = list(range(40))
    found = measure_repeatability(load_directory(exported), data.table, rows, {"a": 0.3, "b": 0.5}, "painted")
    assert found.images == 8
    assert {name.partition("@")[2] for name in found.metrics} == {"", "a", "b"}
    assert all(0 <= measured.low <= measured.value <= measured.high <= 1 for measured in found.metrics.values())
