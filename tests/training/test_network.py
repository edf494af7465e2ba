from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.front import to_input
from training.labels import BENIGN, DIAGNOSES, MALIGNANT, MELANOMA, Label, as_mask
from training.network import build_network, malignant_logit, paired_loss, partial_label_loss


def _loss(label: Label, logits: list[float]) -> float:
    return float(partial_label_loss(as_mask([label]), tf.constant([logits]))[0])


def _logits(**values: float) -> list[float]:
    return [values.get(diagnosis, 0.0) for diagnosis in DIAGNOSES]


def _batch_norms(network: keras.Model) -> list[keras.layers.BatchNormalization]:
    return [x for x in network.get_layer("backbone").layers if isinstance(x, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("diagnosis", DIAGNOSES)
def test_of_a_single_diagnosis_it_is_cross_entropy(diagnosis: str) -> None:
    logits = np.random.default_rng(0).normal(0, 4, (1, 7)).astype(np.float32)
    truth = np.array([DIAGNOSES.index(diagnosis)])
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(truth, logits)
    assert _loss(frozenset({diagnosis}), logits[0].tolist()) == pytest.approx(float(expected), rel=1e-5)


def test_it_is_the_negative_log_probability_of_the_set() -> None:
    logits = np.random.default_rng(1).normal(0, 3, 7)
    probability = np.exp(logits) / np.exp(logits).sum()
    allowed = [d in MALIGNANT for d in DIAGNOSES]
    assert _loss(MALIGNANT, logits.tolist()) == pytest.approx(-np.log(probability[allowed].sum()), rel=1e-4)
    assert _loss(frozenset(DIAGNOSES), logits.tolist()) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("benign", sorted(BENIGN))
def test_what_is_known_to_be_malignant_is_never_rewarded_for_benign(benign: str) -> None:
    assert _loss(MALIGNANT, _logits(**{benign: 1.0})) > _loss(MALIGNANT, _logits())
    logits = tf.Variable(np.random.default_rng(2).normal(0, 3, (16, 7)).astype(np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(partial_label_loss(as_mask([MALIGNANT] * 16), logits))
    gradient = np.asarray(tape.gradient(loss, logits))
    assert (gradient[:, DIAGNOSES.index(benign)] > 0).all()  # a step down the gradient lowers it


def test_no_melanoma_does_not_teach_that_a_carcinoma_is_benign() -> None:
    """ISIC 2017's negatives are nevi and keratoses; a carcinoma never carries that label, but malignant does."""
    assert _loss(MALIGNANT, _logits(bcc=8.0)) < 0.1
    assert _loss(MALIGNANT, _logits(mel=8.0)) < 0.1
    assert _loss(MELANOMA, _logits(bcc=8.0)) > 5
    assert _loss(BENIGN, _logits(bcc=8.0)) > 5


def test_which_malignancy_is_left_to_the_network() -> None:
    """Raising the likelier of two allowed diagnoses is not punished for the other."""
    logits = tf.Variable([_logits(mel=2.0)])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(partial_label_loss(as_mask([MALIGNANT]), logits))
    gradient = np.asarray(tape.gradient(loss, logits))[0]
    assert gradient[DIAGNOSES.index("mel")] < gradient[DIAGNOSES.index("bcc")] < 0


def test_the_malignant_logit_is_the_log_odds() -> None:
    logits = np.random.default_rng(3).normal(0, 3, (5, 7)).astype(np.float32)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    malignant = probability[:, [d in MALIGNANT for d in DIAGNOSES]].sum(axis=1)
    assert np.asarray(malignant_logit(logits)) == pytest.approx(np.log(malignant / (1 - malignant)), rel=1e-3)


def _pair_penalty(originals: list[list[float]], copies: list[list[float]]) -> float:
    masks, logits = as_mask([MELANOMA] * 2 * len(originals)), tf.constant(originals + copies)
    return float(paired_loss(masks, logits, 1.0)) - float(tf.reduce_mean(partial_label_loss(masks, logits)))


def test_a_pair_is_punished_for_differing() -> None:
    originals = [_logits(mel=2.0), _logits(nv=1.0), _logits(bcc=3.0)]
    copies = [_logits(mel=1.0), _logits(nv=1.5), _logits(bcc=3.0)]
    before, after = np.asarray(malignant_logit(originals)), np.asarray(malignant_logit(copies))
    expected = ((before - after) ** 2).mean() / (before.var() + 1e-3)
    assert _pair_penalty(originals, originals) == pytest.approx(0, abs=1e-6)
    assert _pair_penalty(originals, copies) == pytest.approx(expected, rel=1e-3)


def test_copies_are_in_the_second_half() -> None:
    rows = tf.constant([_logits(mel=3.0), _logits(nv=3.0)] * 2)  # a, b, copy of a, copy of b
    masks = as_mask([MELANOMA, BENIGN] * 2)
    assert float(paired_loss(masks, rows, 100.0)) == pytest.approx(float(paired_loss(masks, rows, 0.0)))


def test_the_network_maps_pictures_of_any_side_to_seven_logits(network: keras.Model) -> None:
    for side, cells in ((64, 2), (160, 5)):
        images = np.random.default_rng(0).uniform(0, 255, (2, side, side, 3)).astype(np.float32)
        assert network.predict_on_batch(images).shape == (2, 7)
        assert network.get_layer("backbone").compute_output_shape((2, side, side, 3)) == (2, cells, cells, 1024)


def test_the_head_sees_the_pooled_features_of_the_scaled_picture(network: keras.Model) -> None:
    """What export and grader compute by hand must be what the network computes."""
    images = np.random.default_rng(1).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    pooled = network.get_layer("backbone").predict_on_batch(to_input(images)).mean(axis=(1, 2))
    kernel, bias = network.get_layer("head").get_weights()
    assert network.predict_on_batch(images) == pytest.approx(pooled @ kernel + bias, abs=1e-4)


def test_batch_normalisation_is_frozen(network: keras.Model) -> None:
    frozen = [variable for layer in _batch_norms(network) for variable in layer.variables]
    assert len(frozen) == 27 * 4
    trainable = {id(variable) for variable in network.trainable_variables}
    assert not trainable & {id(variable) for variable in frozen}
    assert len(trainable) == 27 + 2  # every convolution, kernel and bias of the head


def test_training_mode_changes_dropout_and_nothing_else(network: keras.Model) -> None:
    images = np.random.default_rng(2).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    backbone = network.get_layer("backbone")
    before = [np.asarray(variable) for layer in _batch_norms(network) for variable in layer.variables]
    network(images, training=True)
    after = [np.asarray(variable) for layer in _batch_norms(network) for variable in layer.variables]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    normalised = backbone.get_layer("conv1_bn")
    inputs = np.random.default_rng(3).normal(5, 2, (2, 8, 8, 32)).astype(np.float32)
    assert np.allclose(normalised(inputs, training=True), normalised(inputs, training=False))


def test_given_weights_are_loaded(weights: Path) -> None:
    first, second = build_network(str(weights)), build_network(str(weights))
    for a, b in zip(first.get_layer("backbone").get_weights(), second.get_layer("backbone").get_weights(), strict=True):
        assert (a == b).all()
    (kernel,) = build_network("none").get_layer("backbone").get_layer("conv1").get_weights()
    assert (kernel != first.get_layer("backbone").get_layer("conv1").get_weights()[0]).any()


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights file at"):
        build_network(str(tmp_path / "none.weights.h5"))


def test_a_file_that_holds_no_weights(tmp_path: Path) -> None:
    (tmp_path / "odd.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(OSError, match="file signature not found"):
        build_network(str(tmp_path / "odd.weights.h5"))
