import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.decode import decode
from dermoscopy.render import render_lesion
from tests.dermoscopy.files import encode
from training.front import CHROMA_SIGMA, LUMA_SIGMA, RADIUS, Front, smoothing_kernel, to_input

LUMA = np.array([0.299, 0.587, 0.114])


def _front(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(to_input(tf.constant(images)))


def _spread(sigma: float) -> float:
    """Standard deviation in pixels of a Gaussian that is cut off at `RADIUS`."""
    place = np.arange(-RADIUS, RADIUS + 1)
    line = np.exp(-0.5 * (place / sigma) ** 2)
    return float(np.sqrt((line * place**2).sum() / line.sum()))


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 120, 30), (0, 0, 255)])
def test_even_colours_pass_unchanged_up_to_the_border(colour: tuple[int, int, int]) -> None:
    images = np.full((2, 40, 33, 3), colour, np.float32)
    assert _front(images) == pytest.approx(images / 127.5 - 1, abs=1e-5)


def test_shape_and_range_of_photographs() -> None:
    images = np.stack([render_lesion(seed, side=96, malignancy=seed / 3) for seed in range(4)]).astype(np.float32)
    smoothed = _front(images)
    assert smoothed.shape == images.shape
    assert smoothed.dtype == np.float32
    assert -1.01 < smoothed.min() < smoothed.max() < 1.01  # where brightness and colour change at once it may exceed


@pytest.mark.parametrize(
    ("direction", "sigma"), [(np.ones(3), LUMA_SIGMA), (np.array([1.0, -0.5, -0.048]), CHROMA_SIGMA)]
)
def test_brightness_is_smoothed_a_little_and_colour_more(direction: NDArray[np.float64], sigma: float) -> None:
    """A dot of brightness spreads by the one width, a dot of pure colour (no luma) by the other."""
    if sigma == CHROMA_SIGMA:
        assert direction @ LUMA == pytest.approx(0, abs=1e-3)
    dot = np.full((1, 21, 21, 3), 127.5, np.float32)
    dot[0, 10, 10] += 100 * direction
    answer = _front(dot)[0] @ direction / (direction @ direction)
    place = np.arange(21) - 10
    assert answer.sum() == pytest.approx(100 / 127.5, rel=1e-3)
    assert np.sqrt((answer.sum(axis=0) * place**2).sum() / answer.sum()) == pytest.approx(_spread(sigma), rel=0.02)


def test_the_kernel_keeps_every_colour() -> None:
    assert smoothing_kernel().shape == (2 * RADIUS + 1, 2 * RADIUS + 1, 3, 3)
    assert smoothing_kernel().sum(axis=(0, 1)) == pytest.approx(np.eye(3), abs=1e-5)


def test_an_original_and_its_copy_come_closer_together() -> None:
    """What it is for: a JPEG at half the colour resolution differs less behind the front than before it."""
    original = render_lesion(5, side=224, malignancy=0.8)
    file = encode(Image.fromarray(original), "JPEG", quality=70, subsampling="4:2:0")
    copy = np.asarray(decode(file).image)
    pair = np.stack([original, copy]).astype(np.float32)
    before = np.abs(np.diff(pair / 127.5 - 1, axis=0)).mean()
    after = np.abs(np.diff(_front(pair), axis=0)).mean()
    assert after < 0.6 * before


def test_as_a_layer_it_has_no_weights() -> None:
    layer = Front()
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    assert (np.asarray(layer(images)) == _front(images)).all()
    assert layer.weights == []
    inputs = keras.Input((None, None, 3))
    assert layer(inputs).shape == (None, None, None, 3)
