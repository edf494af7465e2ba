import numpy as np
import pytest

from dermoscopy.filters import Bank, blur, correlate, dilated, otsu, reached, shifted

IMAGE = np.random.default_rng(0).uniform(0, 255, (40, 56)).astype(np.float32)


def test_correlation_is_the_sum_over_the_kernel_s_places() -> None:
    kernel = np.random.default_rng(1).normal(size=(5, 5)).astype(np.float32)
    found = correlate(IMAGE, kernel)
    assert found.shape == IMAGE.shape
    for row, column in ((10, 20), (2, 2), (37, 53)):
        expected = float((IMAGE[row - 2 : row + 3, column - 2 : column + 3] * kernel).sum())
        assert found[row, column] == pytest.approx(expected, abs=1e-2)
    mirrored = np.pad(IMAGE, 2, mode="reflect")[:5, :5]
    assert found[0, 0] == pytest.approx(float((mirrored * kernel).sum()), abs=1e-2)


def test_a_bank_gives_what_single_correlations_give() -> None:
    kernels = np.random.default_rng(2).normal(size=(3, 7, 7)).astype(np.float32)
    bank = Bank(IMAGE, 3)
    for kernel in kernels:
        assert bank.correlate(kernel) == pytest.approx(correlate(IMAGE, kernel), abs=1e-2)


def test_blur_keeps_brightness_and_takes_detail() -> None:
    assert blur(np.full((20, 20), 80, np.float32), 2.0) == pytest.approx(80, abs=1e-3)
    assert blur(IMAGE, 2.0).std() < IMAGE.std() / 4
    assert blur(IMAGE, 2.0).mean() == pytest.approx(IMAGE.mean(), rel=0.03)


def test_otsu_parts_two_groups() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(50, 8, 900), random.normal(180, 12, 300)]).astype(np.float32)
    assert 70 < otsu(values) < 150


def test_shifted_repeats_the_border() -> None:
    mask = np.zeros((3, 3), bool)
    mask[0, 0] = True
    assert shifted(mask, 1, 0)[:, 0].tolist() == [True, True, False]
    assert shifted(mask, 0, 1)[0].tolist() == [True, True, False]
    assert not shifted(mask, -1, 0).any()


def test_dilated_grows_to_all_sides() -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert dilated(mask).sum() == 9
    assert dilated(mask, 3).sum() == 49


def test_reached_keeps_what_hangs_together_with_the_seed() -> None:
    inside = np.zeros((8, 20), bool)
    inside[2:6, 2:8] = inside[2:6, 12:18] = True
    seed = np.zeros_like(inside)
    seed[3, 3] = True
    assert np.array_equal(reached(seed, inside), inside & (np.arange(20) < 10))
    assert not reached(seed, ~inside & (np.arange(20) > 10)).any()
