import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.built import Data
from training.accelerator import layers
from training.accelerator.layers import head
from training.accelerator.learned import weights_of
from training.accelerator.network import pooled_features, to_input, whole_features
from training.front import to_input as keras_front


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 throughout."""
    monkeypatch.setattr(layers, "COMPUTED", jnp.float32)


def _images(data: Data) -> NDArray[np.float32]:
    return data.table.pixels[:3].astype(np.float32)


def _weights(network: keras.Model) -> list[jax.Array]:
    return [jnp.asarray(values) for values in weights_of(network)]


@pytest.mark.usefixtures("exact")
def test_the_same_weights_give_the_logits_of_the_network(network: keras.Model, data: Data) -> None:
    weights, images = _weights(network), _images(data)
    expected = np.asarray(network(images, training=False))
    logits = jax.jit(lambda weights, images: head(weights, pooled_features(weights, images)))
    found = np.asarray(logits(weights, images))
    assert found.shape == (3, 7)
    assert found == pytest.approx(expected, abs=2e-3 * float(np.abs(expected).max()))


@pytest.mark.usefixtures("exact")
def test_the_whole_picture_is_what_the_backbone_makes_without_the_front(network: keras.Model, data: Data) -> None:
    weights, images = _weights(network), _images(data)[:, :56, :56]
    expected = np.asarray(network.get_layer("backbone")(images / 127.5 - 1)).mean(axis=(1, 2))
    found = np.asarray(whole_features(weights, jnp.asarray(images)))
    assert found == pytest.approx(expected, abs=1e-3 * float(np.abs(expected).max()))


def test_the_front_is_that_of_the_network(data: Data) -> None:
    images = _images(data)
    assert np.asarray(to_input(jnp.asarray(images))) == pytest.approx(np.asarray(keras_front(images)), abs=1e-4)
