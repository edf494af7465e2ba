from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from dermoscopy.render import render_lesion
from training import augment as module
from training.augment import augment, degrade

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def lesions() -> NDArray[np.uint8]:
    return np.stack([render_lesion(seed, malignancy=seed / 6) for seed in range(6)])


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(11)


def _augmented(pixels: NDArray[np.uint8], side: int = 96) -> Floats:
    return np.asarray(augment(tf.constant(pixels), side))


@pytest.fixture
def only_vignettes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else switched off, and a vignette on every image."""
    for name, value in {
        "ZOOM": (1.0, 1.0), "SHIFT": 0.0, "ASPECT": 0.0, "GAIN": 0.0, "BRIGHTNESS": 0.0, "CONTRAST": (1.0, 1.0),
        "SATURATION": (1.0, 1.0), "SHARPNESS": (0.0, 0.0), "VIGNETTE_SHARE": 1.0,
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("side", [64, 160, 224])
def test_shape_and_range(lesions: NDArray[np.uint8], side: int) -> None:
    images = _augmented(lesions, side)
    assert images.shape == (6, side, side, 3)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 255
    assert np.isfinite(images).all()


def test_each_call_and_each_image_gets_its_own(lesions: NDArray[np.uint8]) -> None:
    same = np.repeat(lesions[:1], 6, axis=0)
    first, second = _augmented(same), _augmented(same)
    assert np.abs(first - second).mean() > 2
    for other in first[1:]:
        assert np.abs(first[0] - other).mean() > 2


def test_inside_a_data_pipeline_each_batch_differs(lesions: NDArray[np.uint8]) -> None:
    """A traced function could freeze the first draw."""
    pipeline = tf.data.Dataset.from_tensors(lesions).repeat(2).map(lambda pixels: augment(pixels, 64))
    first, second = map(np.asarray, pipeline)
    assert np.abs(first - second).mean() > 2


def test_the_lesion_stays_recognisable(lesions: NDArray[np.uint8]) -> None:
    """Dark inside, brighter outside: augmentation may not wipe out what is to be learned."""
    images = _augmented(np.repeat(lesions, 8, axis=0))
    centre = images[:, 36:60, 36:60].mean(axis=(1, 2, 3))
    ring = images[:, 12:84, 12:84].mean(axis=(1, 2, 3))
    assert (centre < ring).mean() > 0.8


def test_a_vignette_darkens_the_corners_and_spares_the_middle(only_vignettes: None) -> None:
    bright = np.full((32, 224, 224, 3), 200, np.uint8)
    images = _augmented(bright)
    corners = np.stack([images[:, y, x].mean(axis=1) for y in (0, -1) for x in (0, -1)])
    assert (corners.mean(axis=0) < 100).mean() > 0.9  # an ellipse may reach beyond the corners
    assert (images[:, 48, 48] > 190).all()
    edges = [image[48].mean(axis=1) for image in images]
    assert any(edge[0] < 100 for edge in edges)
    assert any(edge[0] > 150 for edge in edges)  # circles of different sizes


def test_a_share_of_the_images_has_a_vignette(only_vignettes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bright = np.full((400, 16, 16, 3), 200, np.uint8)

    def dark_corners() -> float:
        return float((_augmented(bright, 16)[:, 0, 0].mean(axis=1) < 180).mean())

    every = dark_corners()
    monkeypatch.setattr(module, "VIGNETTE_SHARE", 0.5)
    assert dark_corners() / every == pytest.approx(0.5, abs=0.1)
    monkeypatch.setattr(module, "VIGNETTE_SHARE", 0.0)
    assert dark_corners() == 0


def test_lesions_are_turned_and_mirrored(only_vignettes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bright quadrant ends up in every quadrant, in both senses of rotation."""
    monkeypatch.setattr(module, "VIGNETTE_SHARE", 0.0)
    marked = np.zeros((224, 224, 3), np.uint8)
    marked[60:100, 60:100] = (255, 0, 0)
    marked[60:100, 124:164] = (0, 255, 0)  # to the right of red, unless mirrored
    images = _augmented(np.repeat(marked[None], 64, axis=0), 96)
    where = []
    for channel in (0, 1):
        mass = images[..., channel]
        total = mass.sum(axis=(1, 2))
        grid = np.arange(96) - 47.5
        where.append(np.stack([(mass.sum(1) * grid).sum(1) / total, (mass.sum(2) * grid).sum(1) / total]))
    red, green = where
    assert len({(bool(x > 0), bool(y > 0)) for x, y in red.T}) == 4
    turn = np.sign(red[0] * green[1] - red[1] * green[0])
    assert 0.25 < (turn > 0).mean() < 0.75


def test_sharpness_leaves_even_pictures_and_the_frame_alone() -> None:
    flat = tf.fill((2, 20, 20, 3), 90.0)
    assert np.allclose(module._sharpness(flat, (1.0, 1.0)), 90)
    noise = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, 20, 20, 3)).astype(np.float32))
    soft, sharp = (np.asarray(module._sharpness(noise, (amount, amount))) for amount in (1.0, -0.6))
    original = np.asarray(noise)
    assert soft[0, 1:-1, 1:-1].std() < original[0, 1:-1, 1:-1].std() < sharp[0, 1:-1, 1:-1].std()
    assert (soft[0, 0] == original[0, 0]).all()  # a padded border would be dark: a vignette for every image


def test_degraded_copies_are_close_but_not_the_same(lesions: NDArray[np.uint8]) -> None:
    images = tf.constant(lesions[:, ::2, ::2].astype(np.float32))
    first, second = np.asarray(degrade(images)), np.asarray(degrade(images))
    assert first.shape == images.shape
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 255
    for copies in (first, second):
        difference = np.abs(copies - np.asarray(images)).mean(axis=(1, 2, 3))
        assert (difference > 0.3).all()
        assert (difference < 12).all()
    assert np.abs(first - second).max() > 1


def test_a_degraded_copy_keeps_its_place(lesions: NDArray[np.uint8]) -> None:
    """The second half of a batch must be the copies of the first, row for row."""
    images = lesions[:, ::2, ::2].astype(np.float32)
    copies = np.asarray(degrade(tf.constant(images)))
    distance = np.abs(images[:, None] - copies[None]).mean(axis=(2, 3, 4))
    assert distance.argmin(axis=1).tolist() == list(range(6))


@pytest.mark.parametrize("function", [lambda images: augment(images, 64), degrade])
def test_an_unknown_batch_size_keeps_the_shape(function: Callable[[tf.Tensor], tf.Tensor]) -> None:
    """The network is built from it when the step is traced."""
    spec = tf.TensorSpec((None, 64, 64, 3), tf.float32)
    traced = tf.function(function, input_signature=[spec]).get_concrete_function()
    assert traced.outputs[0].shape.as_list() == [None, 64, 64, 3]
