import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dermoscopy.render import render_lesion
from training.accelerator.jpeg import saved


@pytest.fixture(scope="module")
def lesions() -> NDArray[np.uint8]:
    return np.stack([render_lesion(seed, side=96, malignancy=seed / 3) for seed in range(4)])


def _saved(pixels: NDArray[np.uint8], quality: float) -> NDArray[np.float32]:
    return np.asarray(jax.jit(saved)(jnp.asarray(pixels, jnp.float32), jnp.full(len(pixels), quality)))


def _by_pillow(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.float32]:
    found = []
    for picture in pixels:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file), np.float32))
    return np.stack(found)


@pytest.mark.parametrize("quality", [50, 55, 75, 90, 95])
def test_it_loses_what_a_file_loses(lesions: NDArray[np.uint8], quality: int) -> None:
    expected, found = _by_pillow(lesions, quality), _saved(lesions, quality)
    assert np.abs(found - expected).mean() < 1
    loss = np.abs(expected - lesions).mean()
    assert np.abs(found - lesions).mean() == pytest.approx(loss, rel=0.1)


def test_each_picture_has_its_quality(lesions: NDArray[np.uint8]) -> None:
    both = np.asarray(jax.jit(saved)(jnp.asarray(lesions[[0, 0]], jnp.float32), jnp.asarray([50.0, 95.0])))
    assert np.array_equal(both[:1], _saved(lesions[:1], 50))
    assert np.array_equal(both[1:], _saved(lesions[:1], 95))


def test_sides_that_no_block_fits(lesions: NDArray[np.uint8]) -> None:
    """The last blocks are filled up with the pixels of the edge, which leaves nothing dark there."""
    cut = np.ascontiguousarray(lesions[:, :57, :83])
    found = _saved(cut, 75)
    assert found.shape == cut.shape
    assert np.abs(found - _by_pillow(cut, 75)).mean() < 1


def test_whole_numbers_between_0_and_255(lesions: NDArray[np.uint8]) -> None:
    found = _saved(np.where(lesions > 128, 255, 0).astype(np.uint8), 50)
    assert found.min() == 0
    assert found.max() == 255
    assert np.array_equal(found, np.round(found))
