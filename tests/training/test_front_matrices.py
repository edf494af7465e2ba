import numpy as np
import pytest

from training.front_matrices import (
    CHROMA_SIGMA,
    FROM_PLANES,
    LUMA_SIGMA,
    TO_PLANES,
    inner_side,
    sampling_matrices,
    sampling_matrix,
)


@pytest.mark.parametrize("sigma", [LUMA_SIGMA, CHROMA_SIGMA])
@pytest.mark.parametrize("side", [32, 33, 160, 224])
def test_a_sample_is_a_weighted_mean_of_the_pixels_around_it(side: int, sigma: float) -> None:
    weights = sampling_matrix(side, sigma)
    samples = inner_side(side)
    assert weights.shape == (samples, side)
    assert weights.min() >= 0
    assert weights.sum(axis=1) == pytest.approx(np.ones(samples), abs=1e-6)
    # Both pictures begin and end at the same edges, so a sample's width is side / samples pixels.
    edges = np.linspace(0, side, samples + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    found = weights @ (np.arange(side) + 0.5)
    assert found[8:-8] == pytest.approx(centres[8:-8], abs=0.05)
    assert weights == pytest.approx(weights[::-1, ::-1], abs=1e-3)  # no side of the picture is favoured


@pytest.mark.parametrize("sigma", [LUMA_SIGMA, CHROMA_SIGMA])
def test_five_samples_further_the_weights_are_the_same_seven_pixels_further(sigma: float) -> None:
    """Also those at the very end, whose distance is what it must not exceed: a runtime counts on it."""
    weights = sampling_matrix(224, sigma)
    for row in range(10, 145):
        assert np.abs(np.roll(weights[row], 7) - weights[row + 5]).max() < 1e-6, row


def test_brightness_is_sampled_more_sharply_than_colour() -> None:
    luma, red, blue = sampling_matrices(224)
    assert luma.max() > 1.5 * red.max()
    assert np.array_equal(red, blue)


def test_colours_come_back_from_their_planes() -> None:
    assert np.array([200.0, 120.0, 30.0]) == pytest.approx(FROM_PLANES @ TO_PLANES @ np.array([200.0, 120.0, 30.0]))
    assert np.ones(3) @ TO_PLANES.T == pytest.approx([1, 0, 0])  # grey has brightness and no colour
