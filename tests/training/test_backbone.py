from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from training.backbone import NAME, fold, mobilenet

CONVOLUTIONS = 27


def _normalisations(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def _noise(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (2, height, width, 3)).astype(np.float32)


def _answer(model: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model(images, training=False))


@pytest.fixture(scope="module")
def normalised(weights: Path) -> keras.Model:
    """With batch statistics that fit the weights, moved a little, and a scale and a shift for every channel."""
    model, random = mobilenet(str(weights)), np.random.default_rng(0)
    for layer in _normalisations(model):
        _, _, mean, variance = layer.get_weights()
        count = len(mean)
        gamma, beta = random.uniform(0.5, 1.5, count), random.normal(0.5, 0.5, count)
        moved = mean + random.normal(0, 0.2, count) * np.sqrt(variance), variance * random.uniform(0.7, 1.5, count)
        layer.set_weights([gamma, beta, *moved])
    return model


@pytest.fixture(scope="module")
def folded(normalised: keras.Model) -> keras.Model:
    return fold(normalised)


def test_it_is_the_same_function(normalised: keras.Model, folded: keras.Model) -> None:
    """The side is halved five times; where it is odd, padding decides which pixels meet."""
    for sides in ((160, 160), (64, 96), (33, 33), (51, 70), (97, 129)):
        images = _noise(*sides)
        expected, found = _answer(normalised, images), _answer(folded, images)
        assert expected.std() > 0.3
        assert np.abs(expected[0] - expected[1]).mean() > 0.05  # the pictures got through, not the shifts alone
        assert found == pytest.approx(expected, abs=1e-3), sides  # rounding, through 27 layers


def test_every_convolution_has_its_normalisation_in_kernel_and_bias(
    normalised: keras.Model, folded: keras.Model
) -> None:
    assert len(_normalisations(normalised)) == CONVOLUTIONS
    assert not _normalisations(folded)
    assert folded.name == normalised.name == NAME
    shapes = {layer.name: [value.shape for value in layer.get_weights()] for layer in folded.layers if layer.weights}
    assert len(shapes) == CONVOLUTIONS
    for name, (kernel, bias) in shapes.items():
        assert kernel == normalised.get_layer(name).get_weights()[0].shape
        assert bias == normalised.get_layer(f"{name}_bn").get_weights()[0].shape
    assert len(folded.trainable_variables) == len(folded.variables) == 2 * CONVOLUTIONS


def test_it_shares_nothing_with_the_given_model(normalised: keras.Model) -> None:
    """Training the one must leave the other as it was."""
    images = _noise(64, 64)
    before = _answer(normalised, images)
    changed = fold(normalised)
    changed.set_weights([np.zeros_like(value) for value in changed.get_weights()])
    assert not _answer(changed, images).any()
    assert (_answer(normalised, images) == before).all()
    assert not {id(layer) for layer in changed.layers} & {id(layer) for layer in normalised.layers}


def test_given_weights_are_those_of_the_file(weights: Path) -> None:
    first, second, other = (mobilenet(given).get_weights() for given in (str(weights), str(weights), "none"))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert (first[0] != other[0]).any()


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights file at"):
        mobilenet(str(tmp_path / "none.weights.h5"))


def test_a_file_that_holds_no_weights(tmp_path: Path) -> None:
    (tmp_path / "odd.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(OSError, match="file signature not found"):
        mobilenet(str(tmp_path / "odd.weights.h5"))


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_of_another_architecture(tmp_path: Path) -> None:
    narrow = keras.applications.MobileNet(alpha=0.5, weights=None, include_top=False, input_shape=(None, None, 3))
    narrow.save_weights(tmp_path / "narrow.weights.h5")
    with pytest.raises(ValueError, match="54 objects could not be loaded"):
        mobilenet(str(tmp_path / "narrow.weights.h5"))


def test_a_download_that_fails_names_the_way_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise Exception("URL fetch failure")  # noqa: TRY002  # what Keras raises

    monkeypatch.setattr(keras.applications, "MobileNet", fail)
    with pytest.raises(OSError, match="give a file with --weights: URL fetch failure"):
        mobilenet("imagenet")
