"""The correction by all depths: what is learned, how much of it is kept, and what the artifact makes of it."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from model_store.decision import SUM_TOLERANCE
from model_store.runtime import Runtime, load_directory
from model_store.runtime_openvino import computes_bf16
from tests.training.built import PLATT, Data
from training import depths as module
from training.depths import REENCODED, SHARES, VIEWS, Correction, choose_share, fit_correction, head_logits
from training.export import Gatekeepers, calibrated, export_classifier, load_published, published_correction
from training.gatekeeper import FARTHEST, features_of
from training.labels import BENIGN, DIAGNOSES, as_mask
from training.network import build_network, malignant_logit
from training.novelty import fit_novelty

Floats = NDArray[np.float32]
MEL, NV = DIAGNOSES.index("mel"), DIAGNOSES.index("nv")


@pytest.fixture(scope="module")
def pictures(data: Data) -> NDArray[np.uint8]:
    return np.ascontiguousarray(data.table.pixels[5::40])


@pytest.fixture(scope="module")
def seen(network: keras.Model, pictures: NDArray[np.uint8]) -> Floats:
    return features_of(network.get_layer("backbone"), [pictures])


@pytest.fixture(scope="module")
def correction(seen: Floats) -> Correction:
    """Any one: large enough to be seen, and some features are far from the mean."""
    random = np.random.default_rng(3)
    size = seen.shape[1]
    kernel = random.normal(0, 0.05, (size, 7)).astype(np.float32)
    mean = np.asarray(seen.mean(axis=0) + random.normal(0, 0.1, (size,)), np.float32)
    return Correction(mean, 1 / (seen.std(axis=0) + 1e-2), kernel, random.normal(0, 1, 7).astype(np.float32))


@pytest.fixture(scope="module")
def corrected(
    network: keras.Model,
    features: Floats,
    gatekeepers: Gatekeepers,
    correction: Correction,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("corrected")
    export_classifier(network, PLATT, fit_novelty(features), gatekeepers, folder, correction=correction)
    return folder


@pytest.fixture(scope="module")
def expected(corrected: Path, correction: Correction, pictures: NDArray[np.uint8]) -> Floats:
    """The calibrated logit, by NumPy and the weights as they are stored."""
    network = build_network("none")
    load_published(network, corrected)
    seen = features_of(network.get_layer("backbone"), [pictures])
    scaled = np.clip((seen - correction.mean) * correction.scale, -FARTHEST, FARTHEST)
    assert (np.abs(scaled) == FARTHEST).any()
    logits = head_logits(network, seen) + scaled @ correction.kernel + correction.bias
    return np.asarray(calibrated(logits, PLATT)[1])


@pytest.mark.parametrize("name", ["tensorflow", "openvino"])
def test_the_artifact_adds_it(corrected: Path, expected: Floats, pictures: NDArray[np.uint8], name: str) -> None:
    runtime: Runtime = load_directory(corrected, runtime="tensorflow" if name == "tensorflow" else "openvino")
    found = runtime.run(pictures)
    assert found["logit"] == pytest.approx(expected, abs=5e-3)
    assert np.ptp(found["probability"]) > 0.05
    _assert_consistent(found)


@pytest.mark.skipif(not computes_bf16(), reason="NOT RUN: this processor does not compute in bf16")
def test_in_bf16_its_numbers_still_belong_together(
    corrected: Path, expected: Floats, pictures: NDArray[np.uint8]
) -> None:
    found = load_directory(corrected, precision="bf16").run(pictures)
    _assert_consistent(found)
    assert found["probability"] == pytest.approx(1 / (1 + np.exp(-expected)), abs=0.05)


def _assert_consistent(found: dict[str, Floats]) -> None:
    malignant = [diagnosis not in BENIGN for diagnosis in DIAGNOSES]
    for sums in (found["classes"].sum(axis=1), found["diagnoses"].sum(axis=1)):
        assert sums == pytest.approx(1, abs=SUM_TOLERANCE)
    assert found["diagnoses"][:, malignant].sum(axis=1) == pytest.approx(found["probability"], abs=SUM_TOLERANCE)


def test_it_is_read_back(corrected: Path, exported: Path, correction: Correction, seen: Floats) -> None:
    found = published_correction(corrected)
    assert found is not None
    assert np.asarray(found.of(seen)) == pytest.approx(np.asarray(correction.of(seen)), abs=1e-4)
    assert published_correction(exported) is None


def _weigh(monkeypatch: pytest.MonkeyPatch, view: str, all_views: float, copies: float) -> None:
    """How much it counts that the answers to an image and to its view, or to a poor copy, are alike.

    There are that view, all draws of it where it is a poor copy, and the image without its vignette: each costs a pass
    over all images.
    """
    views = REENCODED if view in REENCODED else (view,)
    monkeypatch.setattr(module, "VIEWS", {name: VIEWS[name] for name in ("as they are", *views)})
    monkeypatch.setattr(module, "CONSISTENCY", all_views)
    monkeypatch.setattr(module, "CONSISTENCY_REENCODED", copies)
    monkeypatch.setattr(module, "CONSISTENCY_FRAMED", 0.0)


def test_what_is_learned_fits_the_labels_better(
    network: keras.Model, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    _weigh(monkeypatch, "varied", 1.0, 0.0)
    rows = np.arange(48)
    labels = [frozenset({"mel" if row % 2 else "nv"}) for row in rows]
    weights = np.where(rows < 40, 1.0, 0.0).astype(np.float32)
    pixels = data.table.pixels[:48]
    found = fit_correction(network, pixels, rows, as_mask(labels), weights)
    seen = features_of(network.get_layer("backbone"), [pixels])
    logits = head_logits(network, seen)
    before, after = logits, logits + np.asarray(found.of(seen))
    melanoma = rows % 2 == 1
    right = [((logits[:, MEL] > logits[:, NV]) == melanoma)[:40].mean() for logits in (before, after)]
    assert right[0] < 0.7
    assert right[1] > right[0] + 0.2
    nobody = found.part(0.0)
    assert not np.asarray(nobody.of(seen)).any()


@pytest.mark.parametrize("view", ["behind a vignette", REENCODED[0]])
def test_consistency_keeps_the_answers_to_an_image_and_its_copies_together(
    network: keras.Model, data: Data, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    rows, pixels = np.arange(48), data.table.pixels[:48]
    masks = as_mask(frozenset({"mel" if row % 2 else "nv"}) for row in rows)
    tf.random.set_seed(1)
    plain, other = (
        features_of(network.get_layer("backbone"), [seen]) for seen in (pixels, np.asarray(VIEWS[view](pixels)))
    )

    def apart(all_views: float, copies: float) -> float:
        _weigh(monkeypatch, view, all_views, copies)
        found = fit_correction(network, pixels, rows, masks, np.ones(48, np.float32))
        logits = [head_logits(network, seen) + np.asarray(found.of(seen)) for seen in (plain, other)]
        one, two = (np.asarray(malignant_logit(both)) for both in logits)
        return float(((one - two) ** 2).mean() / one.var())

    assert apart(*((0.0, 100.0) if view == REENCODED[0] else (100.0, 0.0))) < 0.5 * apart(0.0, 0.0)


def _sources(signal: float) -> tuple[Correction, list[Floats], list[Floats], list[NDArray[np.bool_]]]:
    """Two sources whose one feature says more of the answer than the network (signal > 0) or the contrary."""
    random = np.random.default_rng(5)
    answers = [random.random(200) < 0.5 for _ in range(2)]
    features = [(random.normal(0, 1, (200, 1)) + signal * (2 * a[:, None] - 1)).astype(np.float32) for a in answers]
    logits = [np.zeros((200, 7), np.float32) for _ in answers]
    for logit, answer in zip(logits, answers, strict=True):
        logit[:, MEL] = random.normal(0, 1, 200) + answer
    kernel = np.zeros((1, 7), np.float32)
    kernel[0, MEL] = 3.0
    one = np.ones(1, np.float32)
    return Correction(0 * one, one, kernel, np.zeros(7, np.float32)), features, logits, answers


def test_as_much_is_kept_as_tells_most() -> None:
    some, areas = choose_share(*_sources(0.7))
    assert some.share == max(SHARES)
    assert areas[some.share] > areas[0.0]
    assert set(areas) == set(SHARES)
    assert some.kernel[0, MEL] == pytest.approx(3 * some.share)


def test_nothing_is_kept_of_what_misleads() -> None:
    none, areas = choose_share(*_sources(-0.7))
    assert none.share == 0.0
    assert not none.kernel.any()
    assert areas[max(SHARES)] < areas[0.0]


def test_without_both_kinds_nothing_is_kept() -> None:
    correction, features, logits, answers = _sources(0.7)
    found, _ = choose_share(correction, features, logits, [np.ones_like(answer) for answer in answers])
    assert found.share == 0.0
