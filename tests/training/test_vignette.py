from pathlib import Path

import numpy as np
import pytest

from dermoscopy.render import render_lesion
from model_store.runtime import load_directory
from tests.training.built import Data
from training import metrics, vignette
from training.evaluation import kind_of
from training.frame import DARK, corner_luma
from training.vignette import cut_away, measure_vignettes, painted

SKIN = np.full((1, 224, 224, 3), 180, np.uint8)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 20)


def test_a_painted_vignette_darkens_the_corners_and_leaves_the_middle() -> None:
    found = painted(SKIN)[0]
    assert (corner_luma(found) < DARK).all()
    assert (found[60:164, 60:164] == 180).all()
    assert found.dtype == np.uint8


def test_cutting_away_takes_no_more_than_the_vignette() -> None:
    lesion = render_lesion(3, malignancy=0.5)[None]
    without = cut_away(painted(lesion)[0])
    assert without is not None
    assert without.shape == (224, 224, 3)
    assert (corner_luma(without) >= DARK).all()
    assert cut_away(SKIN[0]) is None  # there is none
    assert cut_away(np.zeros_like(SKIN[0])) is None  # there is nothing else


def test_what_moves_is_measured(exported: Path, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        row for row, image in enumerate(data.table.images)
        if image.source == "melanoma10000" and data.split.roles[row] == "test"
    ]  # fmt: skip
    malignant = [kind_of(data.table.images[row].label) != "benign" for row in rows]
    runtime = load_directory(exported)
    pixels = np.ascontiguousarray(data.table.pixels[rows])
    before, behind = (runtime.run(shown)["probability"] for shown in (pixels, painted(pixels)))
    monkeypatch.setattr(vignette, "LEAST", 5)
    found = measure_vignettes(runtime, data.table, rows, "painted")
    assert (found.images, found.positives) == (len(rows), sum(malignant))
    change = found.metrics["mean_change_when_painted"].value
    assert change == pytest.approx(float(np.abs(behind - before).mean()), abs=1e-4)
    assert change > 0.001
    assert 0 <= found.metrics["auc_of_frame_only_baseline"].value <= 1


def test_of_a_few_lesions_the_frame_is_not_asked(exported: Path, data: Data) -> None:
    rows = [row for row, image in enumerate(data.table.images) if image.source == "ham10000"][::9]
    found = measure_vignettes(load_directory(exported), data.table, rows, "few")
    assert "auc_of_frame_only_baseline" not in found.metrics
