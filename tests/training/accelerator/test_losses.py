import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from training import network
from training.accelerator.losses import inconsistency, malignant_logit, partial_label_loss, taught
from training.labels import BENIGN, DIAGNOSES

BENIGN_ONES = jnp.asarray([diagnosis in BENIGN for diagnosis in DIAGNOSES])
MASKS = np.array(
    [[1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0, 0]], np.float32
)


@pytest.fixture
def logits() -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(0, 3, (4, 7)).astype(np.float32)


def test_they_are_those_of_the_network(logits: NDArray[np.float32]) -> None:
    masks, there = jnp.asarray(MASKS), jnp.asarray(logits)
    loss = network.partial_label_loss(tf.constant(MASKS), tf.constant(logits))
    assert np.asarray(partial_label_loss(masks, there)) == pytest.approx(np.asarray(loss), abs=1e-5)
    malignant = network.malignant_logit(tf.constant(logits))
    assert np.asarray(malignant_logit(there, BENIGN_ONES)) == pytest.approx(np.asarray(malignant), abs=1e-4)
    paired = float(network.paired_loss(tf.constant(MASKS), tf.constant(logits), 2.5))
    found = float(partial_label_loss(masks, there).mean() + 2.5 * inconsistency(there, BENIGN_ONES))
    assert found == pytest.approx(paired, rel=1e-5)


def test_a_teacher_is_followed_by_saying_the_same(logits: NDArray[np.float32]) -> None:
    teacher = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    same = np.asarray(taught(jnp.asarray(teacher), jnp.asarray(logits)))
    assert same == pytest.approx(-(teacher * np.log(teacher)).sum(axis=1), abs=1e-4)  # the teacher's own entropy
    other = np.asarray(taught(jnp.asarray(teacher), jnp.asarray(np.roll(logits, 1, axis=1))))
    assert (other > same).all()
