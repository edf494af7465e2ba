from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from training.backbone import fold, mobilenet
from training.front import to_input
from training.labels import BENIGN, DIAGNOSES, MALIGNANT, MELANOMA, Label, as_mask
from training.network import (
    compute_in_bfloat16,
    in_float32,
    malignant_logit,
    paired_loss,
    partial_label_loss,
)


def _loss(label: Label, logits: list[float]) -> float:
    return float(partial_label_loss(as_mask([label]), tf.constant([logits]))[0])


def _pictures(side: int) -> NDArray[np.float32]:
    """float32[2, side, side, 3]."""
    return np.random.default_rng(side).uniform(0, 255, (2, side, side, 3)).astype(np.float32)


def _logits(**values: float) -> list[float]:
    return [values.get(diagnosis, 0.0) for diagnosis in DIAGNOSES]


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
    expected = ((before - after) ** 2).mean() / (np.concatenate([before, after]).var() + 1e-3)
    assert _pair_penalty(originals, originals) == pytest.approx(0, abs=1e-6)
    assert _pair_penalty(originals, copies) == pytest.approx(expected, rel=1e-3)


def test_making_all_logits_small_does_not_lower_the_penalty() -> None:
    """It would, if the variance to which the differences are relative were a constant to the gradient."""
    malignant = np.array([[d in MALIGNANT for d in DIAGNOSES]], np.float32)
    random = np.random.default_rng(4)
    originals = random.normal(0, 3, (8, 1)).astype(np.float32)
    values = np.concatenate([originals, originals + random.normal(0, 1, (8, 1)).astype(np.float32)])
    nothing_to_learn, scale = as_mask([frozenset(DIAGNOSES)] * 16), tf.Variable(1.0)
    with tf.GradientTape() as tape:
        # What all malignant diagnoses have in common is, up to a constant, the malignant logit.
        penalty = paired_loss(nothing_to_learn, scale * values * malignant, 1.0)
    assert float(penalty) > 0.05
    assert abs(float(tape.gradient(penalty, scale))) < 1e-3 * float(penalty)
    halved = paired_loss(nothing_to_learn, 0.5 * values * malignant, 1.0)
    assert float(halved) == pytest.approx(float(penalty), rel=1e-2)


def test_copies_are_in_the_second_half() -> None:
    rows = tf.constant([_logits(mel=3.0), _logits(nv=3.0)] * 2)  # a, b, copy of a, copy of b
    masks = as_mask([MELANOMA, BENIGN] * 2)
    assert float(paired_loss(masks, rows, 100.0)) == pytest.approx(float(paired_loss(masks, rows, 0.0)))


def test_the_network_maps_pictures_of_any_side_to_seven_logits(network: keras.Model) -> None:
    for side, cells in ((44, 1), (97, 2), (224, 5)):
        images = _pictures(side)
        assert network(images).shape == (2, 7)
        assert network.get_layer("backbone")(to_input(images)).shape == (2, cells, cells, 1024)


def test_the_head_sees_the_pooled_features_of_the_sampled_picture(network: keras.Model) -> None:
    """What export and grader compute by hand must be what the network computes."""
    images = _pictures(96)
    pooled = np.asarray(network.get_layer("backbone")(to_input(images))).mean(axis=(1, 2))
    kernel, bias = network.get_layer("head").get_weights()
    assert np.asarray(network(images)) == pytest.approx(pooled @ kernel + bias, abs=1e-4)


def test_everything_is_trained(network: keras.Model) -> None:
    """Batch normalisation is part of kernels and biases; nothing stays behind that a step could not reach."""
    assert not [x for x in network.get_layer("backbone").layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(network.trainable_variables) == len(network.weights) == 2 * (27 + 1)


def test_training_mode_changes_dropout_and_nothing_else(network: keras.Model) -> None:
    images, before = _pictures(64), network.get_weights()

    def differ(model: keras.Model, inputs: Any) -> bool:
        return bool((np.asarray(model(inputs, training=True)) != np.asarray(model(inputs, training=False))).any())

    assert differ(network, images)
    assert not differ(network.get_layer("backbone"), to_input(images))
    assert all((a == b).all() for a, b in zip(before, network.get_weights(), strict=True))


def test_given_weights_are_loaded(network: keras.Model, weights: Path) -> None:
    images = to_input(_pictures(96))
    given, random = (fold(mobilenet(name))(images) for name in (str(weights), "none"))
    found = np.asarray(network.get_layer("backbone")(images))
    assert (found == np.asarray(given)).all()
    assert (found != np.asarray(random)).any()


def test_in_bfloat16_the_backbone_computes_and_nothing_is_kept(network: keras.Model) -> None:
    mixed = in_float32(network)
    compute_in_bfloat16(mixed)
    backbone, pictures = mixed.get_layer("backbone"), _pictures(64)
    assert backbone(pictures[:, :32, :32]).dtype == tf.bfloat16
    assert {variable.dtype for variable in mixed.trainable_variables} == {"float32"}
    exact, found = network(pictures), mixed(pictures)
    assert found.dtype == tf.float32
    apart = float(tf.reduce_max(tf.abs(found - exact)))
    assert 0 < apart < 0.5 * float(tf.math.reduce_std(exact))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(mixed(pictures) ** 2)
    gradients = tape.gradient(loss, mixed.trainable_variables)
    assert all(gradient.dtype == tf.float32 and np.isfinite(gradient).all() for gradient in gradients)


def test_what_learned_in_bfloat16_computes_in_float32_afterwards(network: keras.Model) -> None:
    mixed = in_float32(network)
    compute_in_bfloat16(mixed)
    mixed.predict_on_batch(_pictures(64))  # as a monitor does after each epoch; Keras keeps what it traced
    exact = in_float32(mixed)
    assert exact.predict_on_batch(_pictures(64)) == pytest.approx(np.asarray(network(_pictures(64))), abs=1e-4)
    assert exact.get_layer("backbone")(_pictures(32)).dtype == tf.float32
