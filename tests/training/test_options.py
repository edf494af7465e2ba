from pathlib import Path

import numpy as np
import pytest

from model_store.runtime import load_directory
from tests.training.built import Data, Published
from training import metrics
from training.cli import main
from training.evaluation import kind_of
from training.metrics import auc
from training.options import OPTIONS, VIEWS, changed, measure_options, text_of


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "REPEATS", 20)


def test_every_picture_is_changed_by_itself(data: Data) -> None:
    pixels = np.ascontiguousarray(data.table.pixels[:4])
    for name, option in OPTIONS.items():
        found = changed(pixels, name)
        assert found.dtype == np.uint8
        assert np.array_equal(found[2], option(pixels[2]))


def test_options_are_compared_on_the_same_images(exported: Path, data: Data) -> None:
    rows = [row for row, image in enumerate(data.table.images) if image.source == "ham10000"][::8]
    runtime = load_directory(exported)
    found = measure_options(runtime, data.table, rows, "ham10000")
    assert [one.name for one in found] == [*OPTIONS, VIEWS]
    malignant = np.array([kind_of(data.table.images[row].label) != "benign" for row in rows])
    pixels = np.ascontiguousarray(data.table.pixels[rows])
    mirrored = [
        runtime.run(np.ascontiguousarray(view))["logit"].astype(np.float64)
        for view in (pixels, pixels[:, ::-1], pixels[:, :, ::-1], pixels[:, ::-1, ::-1])
    ]
    assert found[-1].without.value == pytest.approx(auc(malignant, mirrored[0]), abs=1e-4)
    assert found[-1].with_it.value == pytest.approx(auc(malignant, np.mean(mirrored, axis=0)), abs=1e-4)
    for one in found:
        assert one.gain.value == pytest.approx(one.with_it.value - one.without.value, abs=2e-4)
        assert one.gain.low <= one.gain.value <= one.gain.high
        assert f"|{one.name}|ham10000|{len(rows)}|{one.without.value:.3f}|" in text_of(found)


def test_the_command_measures_every_held_out_source(
    published: Published, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for slow in ("hair-removal", "lesion-crop"):
        monkeypatch.setitem(OPTIONS, slow, OPTIONS["colour-constancy"])
    assert main(["options", *published.options]) == 0
    printed = capsys.readouterr().out
    for source in ("ham10000", "melanoma10000", "isic-acral"):
        assert f"|hair-removal|{source}|" in printed
    assert main(["options", *published.options, "--version", "grader/1"]) == 1
    assert "grader/1 is no classifier" in capsys.readouterr().err
