import numpy as np
import pytest
from numpy.typing import NDArray

from training.novelty import COMPONENTS, Novelty, fit_novelty

WIDTH = 200


def _draw(count: int, seed: int) -> NDArray[np.float32]:
    """Features with a mean of their own and variances that fall off over the axes."""
    random = np.random.default_rng(seed)
    spread = 3.0 / (1 + np.arange(WIDTH)) ** 0.7
    turn = np.linalg.qr(np.random.default_rng(99).normal(size=(WIDTH, WIDTH)))[0]
    return np.asarray((random.normal(size=(count, WIDTH)) * spread) @ turn + 2, np.float32)


def _score(novelty: Novelty, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """As the docstring says, by another way than the exported graph."""
    centred = features.astype(np.float64) - novelty.mean
    whitened = centred @ novelty.axes.astype(np.float64)
    directions = novelty.axes / np.linalg.norm(novelty.axes, axis=0)
    rest = centred - (centred @ directions) @ directions.T
    within, beyond = (whitened**2).mean(axis=1), (rest**2).sum(axis=1) / novelty.leftover
    return np.asarray(np.sqrt((within + beyond) / 2))


@pytest.fixture(scope="module")
def novelty() -> Novelty:
    return fit_novelty(_draw(2000, 1))


def test_it_is_about_one_for_images_like_the_training_images(novelty: Novelty) -> None:
    assert float(np.mean(_score(novelty, _draw(500, 2)) ** 2)) == pytest.approx(1, abs=0.08)


def test_it_is_large_inside_and_outside_the_components(novelty: Novelty) -> None:
    known = _draw(200, 3)
    inside = known + 6 * (1 / np.linalg.norm(novelty.axes[:, -1]) ** 2) * novelty.axes[:, -1]
    free = np.linalg.svd(novelty.axes.T)[2][-1]  # orthogonal to every component
    outside = known + 10 * np.sqrt(novelty.leftover) * free
    assert np.abs(free @ novelty.axes).max() < 1e-3
    assert _score(novelty, inside).mean() > 1.1 * _score(novelty, known).mean()
    assert _score(novelty, outside).mean() > 5 * _score(novelty, known).mean()


def test_the_components_whiten_the_training_images(novelty: Novelty) -> None:
    assert novelty.mean.dtype == novelty.axes.dtype == np.float32
    assert novelty.axes.shape == (WIDTH, COMPONENTS)
    whitened = (_draw(2000, 1) - novelty.mean) @ novelty.axes
    assert whitened.mean(axis=0) == pytest.approx(0, abs=1e-3)
    assert np.cov(whitened.T, bias=True) == pytest.approx(np.eye(COMPONENTS), abs=1e-3)


def test_what_the_components_leave_over(novelty: Novelty) -> None:
    centred = _draw(2000, 1).astype(np.float64) - novelty.mean
    directions = novelty.axes / np.linalg.norm(novelty.axes, axis=0)
    rest = centred - (centred @ directions) @ directions.T
    assert novelty.leftover == pytest.approx((rest**2).sum(axis=1).mean(), rel=1e-3)


def test_too_few_images() -> None:
    with pytest.raises(ValueError, match=f"more than {COMPONENTS} images, got {COMPONENTS}"):
        fit_novelty(_draw(COMPONENTS, 4))
    assert fit_novelty(_draw(COMPONENTS + 2, 4)).leftover > 0
