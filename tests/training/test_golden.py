from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.prepare import prepare
from dermoscopy.render import render_lesion
from model_store.gate import LEARNED
from model_store.manifest import Limit
from model_store.runtime import load_directory
from tests.training.built import Published
from training import golden
from training.golden import TARGETS, fit_candidates, render_candidates, spread, write_golden


def test_targets_reach_both_ends() -> None:
    assert TARGETS[0] <= 0.05
    assert TARGETS[-1] >= 0.95
    assert max(np.diff(TARGETS)) <= 0.1 + 1e-9


def test_rows_are_spread_over_the_range() -> None:
    probability = np.random.default_rng(0).permutation(np.linspace(0, 1, 301)).astype(np.float32)
    rows = spread(probability)
    assert len(rows) == len(TARGETS)
    assert probability[rows] == pytest.approx(np.array(TARGETS), abs=1 / 300)


def test_a_row_is_taken_once_and_in_rising_order() -> None:
    probability = np.array([0.55, 0.2, 0.21, 0.9], np.float32)
    rows = spread(probability)
    assert len(set(rows)) == len(rows)
    assert probability[rows].tolist() == sorted(probability[rows].tolist())
    assert {0, 1, 3} <= set(rows)  # the nearest there is to every target


def test_candidates_go_from_harmless_to_suspicious(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "CANDIDATES", 4)
    candidates = render_candidates()
    assert candidates.shape == (4, 224, 224, 3)
    assert (candidates[0] == render_lesion(0, malignancy=0.0)).all()
    assert (candidates[3] == render_lesion(3, malignancy=1.0)).all()


def test_what_the_gate_would_refuse_is_no_golden_image() -> None:
    candidates = np.stack([render_lesion(seed) for seed in range(5)])
    candidates[1] = 3  # too dark
    outputs = {
        "dermoscopic": np.array([0.9, 0.99, 0.2, 0.95, 0.95], np.float32),
        "free_of_hair": np.array([0.9, 0.99, 0.99, 0.95, 0.95], np.float32),
        "free_of_ruler": np.array([0.9, 0.99, 0.99, 0.95, 0.6], np.float32),
        "probability": np.array([0, 1, 2, 3, 4], np.float32),
    }  # fmt: skip
    limits = [
        Limit(issue="too_dark", measure="light", least=50.0),
        Limit(issue="not_dermoscopic", measure="dermoscopic", least=0.5),
    ]
    chosen, probability = fit_candidates(candidates, outputs, limits)
    assert probability.tolist() == [0, 3]
    assert (chosen == candidates[[0, 3]]).all()


def test_what_is_recorded_is_what_the_file_gives(exported: Path, tmp_path: Path) -> None:
    runtime = load_directory(exported, runtime="tensorflow")
    candidates = np.stack([render_lesion(seed) for seed in range(3)])
    records = write_golden(runtime, candidates, [2, 0], tmp_path)
    assert [record.file for record in records] == ["golden/00.png", "golden/01.png"]
    for record, row in zip(records, [2, 0], strict=True):
        stored = np.asarray(Image.open(tmp_path / record.file))
        assert (stored == candidates[row]).all()  # lossless
        outputs = runtime.run(prepare((tmp_path / record.file).read_bytes()).pixels[None])
        assert set(record.outputs) == {"probability", "classes", "diagnoses", *LEARNED}
        for name, values in record.outputs.items():
            assert values == outputs[name].ravel().tolist()


def _recorded(published: Published, name: str, index: int) -> NDArray[np.float64]:
    version = published.classifier if name == "probability" else published.grader
    return np.array([record.outputs[name][index] for record in version.manifest.golden])


def test_published_golden_rows_differ_and_rise(published: Published) -> None:
    """How many there are is chance here: a training of seconds may call every render the same."""
    for probability in (_recorded(published, "probability", 0), _recorded(published, "probabilities", 1)):
        assert 1 <= len(probability) <= len(TARGETS)
        assert (np.diff(probability) > 0).all()
