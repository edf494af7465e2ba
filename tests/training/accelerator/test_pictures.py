import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from dermoscopy.render import render_lesion
from training.accelerator import pictures as module
from training.accelerator.pictures import degrade, vary

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def lesions() -> NDArray[np.uint8]:
    return np.stack([render_lesion(seed, side=96, malignancy=seed / 6) for seed in range(6)])


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is varied but by rotation and mirror images."""
    for name, value in {
        "ZOOM": (1.0, 1.0), "SHIFT": 0.0, "ASPECT": 0.0, "GAIN": 0.0, "BRIGHTNESS": 0.0, "CONTRAST": (1.0, 1.0),
        "SATURATION": (1.0, 1.0), "SHARPNESS": (0.0, 0.0), "VIGNETTE_SHARE": 0.0,
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, value)


def _varied(pixels: NDArray[np.uint8], seed: int = 0) -> Floats:
    return np.asarray(vary(jax.random.key(seed), jnp.asarray(pixels)))


def test_shape_and_range(lesions: NDArray[np.uint8]) -> None:
    images = _varied(lesions)
    assert images.shape == lesions.shape
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 255


def test_each_image_gets_its_own_and_a_key_always_the_same(lesions: NDArray[np.uint8]) -> None:
    same = np.repeat(lesions[:1], 6, axis=0)
    images = _varied(same)
    assert all(np.abs(images[0] - other).mean() > 2 for other in images[1:])
    assert np.array_equal(images, _varied(same))
    assert np.abs(images - _varied(same, seed=1)).mean() > 2


@pytest.mark.usefixtures("nothing")
def test_turning_keeps_the_middle_and_the_colours(lesions: NDArray[np.uint8]) -> None:
    """And mirrors in what lies outside: nothing is left black."""
    images = _varied(lesions)
    middle = (slice(None), slice(44, 52), slice(44, 52))
    assert images[middle].mean(axis=(1, 2)) == pytest.approx(lesions[middle].mean(axis=(1, 2)), abs=8)
    assert images.min() > float(lesions.min()) - 1


@pytest.mark.usefixtures("nothing")
def test_half_of_the_images_are_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark that lies clockwise of another one lies the other way round in a mirror image."""
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[40:56, 70:80, 0], picture[70:80, 40:56, 1] = 255, 255
    images = _varied(np.repeat(picture[None], 200, axis=0))
    place = np.arange(96) - 47.5
    x, y = (np.einsum("bhwc,hw->bc", images, grid) for grid in (np.tile(place, (96, 1)), np.tile(place[:, None], 96)))
    clockwise = x[:, 0] * y[:, 1] - y[:, 0] * x[:, 1] > 0
    assert 0.35 < clockwise.mean() < 0.65


@pytest.mark.usefixtures("nothing")
def test_a_vignette_darkens_the_border_alone(lesions: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _varied(lesions)
    monkeypatch.setattr(module, "VIGNETTE_SHARE", 1.0)
    dark = _varied(lesions)
    assert (dark[:, :2, :2] < 0.5 * plain[:, :2, :2]).mean() > 0.5
    assert dark[:, 40:56, 40:56] == pytest.approx(plain[:, 40:56, 40:56], abs=1)


def test_a_degraded_copy_is_near_but_not_equal(lesions: NDArray[np.uint8]) -> None:
    images = jnp.asarray(lesions, jnp.float32)
    copies = np.asarray(degrade(jax.random.key(3), images))
    assert copies.shape == lesions.shape
    assert 0.3 < np.abs(copies - lesions).mean() < 8
