import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.decode import decode
from dermoscopy.render import render_lesion
from tests.dermoscopy.files import encode
from training.front import Front, to_input
from training.front_matrices import CHROMA_SIGMA, LUMA_SIGMA, inner_side

BRIGHTNESS = np.ones(3)
COLOUR = np.array([1.0, -0.5, -0.0481])
"""No luma: 0.299 red + 0.587 green + 0.114 blue is 0."""


def _front(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(to_input(tf.constant(images)))


def _wave(frequency: float, axis: int, direction: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32[1, 70, 98, 3]: grey with a wave of 100 grey values, so many cycles a pixel along rows or columns."""
    phase = 2 * np.pi * frequency * np.indices((70, 98))[axis]
    return np.asarray(127.5 + 100 * np.cos(phase)[None, :, :, None] * direction, np.float32)


def _along(images: NDArray[np.float32], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[height, width]: how far the only image goes along a direction of colour."""
    return np.asarray(images[0] @ direction / (direction @ direction))


def _inside(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the border, where a Gaussian is cut off."""
    return plane[8:-8, 8:-8]


@pytest.mark.parametrize(("side", "samples"), [(224, 160), (160, 114), (44, 31)])
def test_five_samples_for_seven_pixels(side: int, samples: int) -> None:
    assert inner_side(side) == samples
    assert _front(np.zeros((1, side, side + 14, 3), np.float32)).shape == (1, samples, samples + 10, 3)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 120, 30), (0, 0, 255)])
def test_even_colours_pass_unchanged_up_to_the_border(colour: tuple[int, int, int]) -> None:
    answer = _front(np.full((2, 40, 33, 3), colour, np.float32))
    assert answer == pytest.approx(np.broadcast_to(np.array(colour) / 127.5 - 1, (2, 28, 23, 3)), abs=1e-5)


def test_type_and_range_of_photographs() -> None:
    images = np.stack([render_lesion(seed, side=96, malignancy=seed / 3) for seed in range(4)]).astype(np.float32)
    sampled = _front(images)
    assert sampled.dtype == np.float32
    assert -1.01 < sampled.min() < sampled.max() < 1.01  # where brightness and colour change at once it may exceed
    assert sampled.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)) / 127.5 - 1, abs=0.01)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("frequency", [1 / 24, 1 / 12, 1 / 7])
@pytest.mark.parametrize(("direction", "sigma"), [(BRIGHTNESS, LUMA_SIGMA), (COLOUR, CHROMA_SIGMA)])
def test_brightness_is_smoothed_a_little_and_colour_more(
    direction: NDArray[np.float64], sigma: float, frequency: float, axis: int
) -> None:
    """A wave stays in its place and keeps what a Gaussian of the one or the other width leaves of its contrast."""
    answer = _front(_wave(frequency, axis, direction))
    pixels = (np.indices(answer.shape[1:3])[axis] + 0.5) * 7 / 5 - 0.5
    left = np.exp(-2 * (np.pi * frequency * sigma) ** 2)
    expected = 100 / 127.5 * left * np.cos(2 * np.pi * frequency * pixels)
    assert _inside(_along(answer, direction)) == pytest.approx(_inside(expected), abs=0.01)
    assert answer[0] == pytest.approx(_along(answer, direction)[:, :, None] * direction, abs=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("frequency", [0.4, 0.45, 0.5])
def test_stripes_too_fine_for_the_samples_vanish(frequency: float, axis: int) -> None:
    """Plain interpolation would show them as coarse stripes that are not in the picture."""
    stripes = _wave(frequency, axis, BRIGHTNESS)
    before = _along(stripes, BRIGHTNESS).std() / 127.5
    plain = np.asarray(tf.image.resize(stripes, [inner_side(side) for side in stripes.shape[1:3]]))
    assert _inside(_along(plain, BRIGHTNESS)).std() / 127.5 > 0.4 * before
    assert _inside(_along(_front(stripes), BRIGHTNESS)).std() < 0.1 * before


@pytest.mark.parametrize("quality", [70, 85, 95])
def test_an_original_and_its_copy_come_closer_together(quality: int) -> None:
    """What it is for: a JPEG at half the colour resolution differs less behind the front than behind a plain resize."""
    original = render_lesion(5, side=224, malignancy=0.8)
    file = encode(Image.fromarray(original), "JPEG", quality=quality, subsampling="4:2:0")
    copy = np.asarray(decode(file).image)
    pair = np.stack([original, copy]).astype(np.float32)
    resized = np.asarray(tf.image.resize(pair, (160, 160), antialias=True)) / 127.5 - 1
    sampled = _front(pair)
    assert np.abs(np.diff(sampled, axis=0)).mean() < 0.75 * np.abs(np.diff(resized, axis=0)).mean()
    assert sampled[0].std() > 0.95 * resized[0].std()  # not for want of anything to differ in


def test_as_a_layer_it_has_no_weights() -> None:
    layer = Front()
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    assert (np.asarray(layer(images)) == _front(images)).all()
    assert layer.weights == []


@pytest.mark.parametrize(
    ("sides", "inner"), [((None, None), (None, None)), ((224, 224), (160, 160)), ((56, None), (40, None))]
)
def test_as_a_layer_it_knows_its_shape(
    sides: tuple[int | None, int | None], inner: tuple[int | None, int | None]
) -> None:
    assert Front()(keras.Input((*sides, 3))).shape == (None, *inner, 3)
